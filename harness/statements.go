package harness

import (
	"fmt"
	"slices"

	"mqttspec/codec"
)

// rule is something that the harness holds every packet from the broker against,
// beside those of the strict decoder; statements gives it the statement it rests
// on in either version.
type rule byte

const (
	ruleNone rule = iota

	ruleConnackFirst
	ruleConnackTwice
	ruleDisconnectFirst
	ruleAfterDisconnect
	ruleDataFrame
	rulePublishID

	ruleOwnStrings
	ruleAuthMethodOther
	ruleAuthUnasked
	ruleResponseInformation
	ruleAssignedClientID
	ruleServerReference
	ruleTopicAliasNone
	ruleTopicAliasMaximum
	ruleTopicAliasSent
	ruleProblemInformation

	ruleMaximumPacketSize
	ruleReasonStringTooLarge
	ruleUserPropertyTooLarge

	ruleErrorReason
)

// statements says on which statement of 3.1.1 and of 5.0 each rule rests; ""
// where the version has no such rule, or statementsOf has it by the packet.
var statements = [ruleErrorReason + 1]struct{ v311, v5 string }{
	ruleConnackFirst:    {"MQTT-3.2.0-1", "MQTT-3.2.0-1"},
	ruleConnackTwice:    {"", "MQTT-3.2.0-2"},
	ruleDisconnectFirst: {"", "MQTT-3.14.0-1"}, // before CONNACK
	ruleAfterDisconnect: {"", "MQTT-3.14.4-1"},
	ruleDataFrame:       {"MQTT-6.0.0-1", "MQTT-6.0.0-1"}, // of WebSocket, not binary
	rulePublishID:       {"MQTT-2.3.1-1", "MQTT-2.2.1-4"}, // 0, found by the decoder, too

	ruleOwnStrings:          {"", "5.0/1.5.4/control-characters"}, // what a server writes itself
	ruleAuthMethodOther:     {"", "MQTT-4.12.0-5"},                // than that of CONNECT
	ruleAuthUnasked:         {"", "MQTT-4.12.0-6"},                // AUTH, or an Authentication Method
	ruleResponseInformation: {"", "MQTT-3.1.2-28"},                // not asked for
	ruleAssignedClientID:    {"", "5.0/3.2.2.3.7/assigned-client-identifier-unasked"},
	ruleTopicAliasNone:      {"", "MQTT-3.1.2-27"}, // allowed by the client
	ruleTopicAliasMaximum:   {"", "MQTT-3.1.2-26"}, // of the client
	ruleTopicAliasSent:      {"", "MQTT-3.3.2-11"}, // beyond it
	ruleProblemInformation:  {"", "MQTT-3.1.2-29"}, // not asked for

	ruleMaximumPacketSize: {"", "MQTT-3.1.2-24"},
}

// statementsOf are those of rules that have one in the section of each packet
// (5.0).
var statementsOf = map[rule]map[codec.Type]string{
	// Server Reference with another Reason Code than 0x9C and 0x9D.
	ruleServerReference: {
		codec.CONNACK: "5.0/3.2.2.3.16/server-reference-reason", codec.DISCONNECT: "5.0/3.14.2.2.5/server-reference-reason",
	},
	// A Reason Code that accuses the client of something else than it did.
	ruleErrorReason: {
		codec.CONNACK: "5.0/4.13.1/connack-reason", codec.DISCONNECT: "5.0/4.13.1/disconnect-reason",
	},
	// A packet that is larger than the client takes, and has what is to be left out then.
	ruleReasonStringTooLarge: {
		codec.CONNACK: "MQTT-3.2.2-19", codec.PUBACK: "MQTT-3.4.2-2", codec.PUBREC: "MQTT-3.5.2-2", codec.PUBREL: "MQTT-3.6.2-2",
		codec.PUBCOMP: "MQTT-3.7.2-2", codec.SUBACK: "MQTT-3.9.2-1", codec.UNSUBACK: "MQTT-3.11.2-1",
		codec.DISCONNECT: "MQTT-3.14.2-3", codec.AUTH: "MQTT-3.15.2-2",
	},
	ruleUserPropertyTooLarge: {
		codec.CONNACK: "MQTT-3.2.2-20", codec.PUBACK: "MQTT-3.4.2-3", codec.PUBREC: "MQTT-3.5.2-3", codec.PUBREL: "MQTT-3.6.2-3",
		codec.PUBCOMP: "MQTT-3.7.2-3", codec.SUBACK: "MQTT-3.9.2-2", codec.UNSUBACK: "MQTT-3.11.2-2",
		codec.DISCONNECT: "MQTT-3.14.2-4", codec.AUTH: "MQTT-3.15.2-3",
	},
}

// statement is the ID of the statement that the rule rests on, for a packet of
// this type; "" where the version has none.
func (r rule) statement(v codec.Version, in codec.Type) string {
	switch {
	case v == codec.V311:
		return statements[r].v311
	case statementsOf[r] != nil:
		return statementsOf[r][in]
	}
	return statements[r].v5
}

// A violation is a rule that a packet from the broker breaks.
type violation struct {
	rule   rule
	packet codec.Type
	text   string // what is wrong with it
}

// breach is the violation as what the broker is accused of on one connection.
func (w violation) breach(v codec.Version, conn string) Breach {
	statement := w.rule.statement(v, w.packet)
	return Breach{Statement: statement, Text: fmt.Sprintf("%v: %s [%s]", w.packet, w.text, statement), Conn: conn}
}

// Statements lists the IDs of every statement that the harness can find broken by
// what a broker sends on this version, beside those that the decoder names
// ([codec.Statements]), sorted.
func Statements(v codec.Version) []string {
	var ids []string
	for r := ruleNone; r <= ruleErrorReason; r++ {
		for in := codec.CONNECT; in <= codec.AUTH; in++ {
			ids = append(ids, r.statement(v, in))
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}
