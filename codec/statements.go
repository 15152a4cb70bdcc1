package codec

import "slices"

// rule is something the strict decoder enforces; statements gives it the
// statement it rests on in either version.
type rule byte

const (
	ruleNone rule = iota
	ruleMalformed
	ruleType
	ruleDirection
	ruleRemainingLength
	ruleVarintLong
	ruleVarintMinimal
	ruleIllFormed
	ruleNullCharacter
	ruleStringPair

	ruleReservedFlags
	rulePubrelFlags
	ruleSubscribeFlags
	ruleUnsubscribeFlags
	ruleDisconnectFlags
	ruleAuthFlags

	rulePropertyLength
	rulePropertyIdentifier
	rulePropertyValue

	ruleClientPacketID
	ruleServerPacketID
	rulePublishAckID
	rulePubcompID
	ruleSubscribeAckID

	ruleProtocolName
	ruleProtocolLevel
	ruleConnectReserved
	ruleWillQoS
	ruleWillQoSAlone
	ruleWillRetainAlone
	rulePasswordAlone
	ruleClientIDMissing
	ruleClientIDEmpty
	ruleWillMissing
	ruleUserNameMissing
	rulePasswordMissing
	ruleAuthDataAlone
	ruleWillFormat

	ruleConnackReserved
	ruleSessionPresent
	ruleConnackCode

	ruleQoS
	ruleDup
	ruleTopicMissing
	ruleTopicWildcard
	ruleTopicNoAlias
	ruleResponseTopicWildcard
	ruleSubscriptionIDFromClient
	rulePublishFormat

	rulePubackCode
	rulePubrecCode
	rulePubrelCode
	rulePubcompCode

	ruleSubscribeEmpty
	ruleSubscribeReserved
	ruleSubscribeQoS
	ruleRetainHandling
	ruleNoLocalShared
	ruleSubackEmpty
	ruleSubackCode
	ruleUnsubscribeEmpty
	ruleUnsubackEmpty
	ruleUnsubackCode

	ruleDisconnectCode
	ruleSessionExpiryFromServer
	ruleServerReferenceFromClient
	ruleAuthCode
	ruleAuthMethodMissing

	ruleTopicEmpty
	ruleAnyTopicWildcard
	ruleMultiLevel
	ruleSingleLevel
	ruleShareName
	ruleShareFilter
)

// statements says on which statement of 3.1.1 and of 5.0 each rule rests; ""
// where the version has no such rule. What a specification calls malformed
// without a statement of its own rests on its general statement about errors.
var statements = [...]struct{ v311, v5 string }{
	ruleMalformed:       {"MQTT-4.8.0-1", "5.0/4.13.1/malformed-packet"}, // a field that cannot be read
	ruleType:            {"3.1.1/2.2.1/packet-type-reserved", "5.0/2.1.2/packet-type-reserved"},
	ruleDirection:       {"3.1.1/2.2.1/packet-direction", "5.0/2.1.2/packet-direction"},
	ruleRemainingLength: {"3.1.1/2.2.3/remaining-length", "5.0/2.1.4/remaining-length"}, // other than the packet has
	ruleVarintLong:      {"3.1.1/2.2.3/remaining-length-too-long", "5.0/1.5.5/variable-byte-integer-too-long"},
	ruleVarintMinimal:   {"", "MQTT-1.5.5-1"}, // 3.1.1 does not ask for the shortest form (section 2.2.3)
	ruleIllFormed:       {"MQTT-1.5.3-1", "MQTT-1.5.4-1"},
	ruleNullCharacter:   {"MQTT-1.5.3-2", "MQTT-1.5.4-2"},
	ruleStringPair:      {"", "MQTT-1.5.7-1"},

	// Fixed header, bits 3 to 0.
	ruleReservedFlags:    {"MQTT-2.2.2-1", "MQTT-2.1.3-1"},
	rulePubrelFlags:      {"MQTT-3.6.1-1", "MQTT-3.6.1-1"},
	ruleSubscribeFlags:   {"MQTT-3.8.1-1", "MQTT-3.8.1-1"},
	ruleUnsubscribeFlags: {"MQTT-3.10.1-1", "MQTT-3.10.1-1"},
	ruleDisconnectFlags:  {"MQTT-3.14.1-1", "MQTT-3.14.1-1"},
	ruleAuthFlags:        {"", "MQTT-3.15.1-1"},

	// Properties in general; propertyRules has each property's own.
	rulePropertyLength:     {"", "MQTT-2.2.2-1"},
	rulePropertyIdentifier: {"", "5.0/2.2.2.2/property-identifier"}, // unknown, or not one of this packet
	rulePropertyValue:      {"", "5.0/2.2.2.2/property-data-type"},  // cut off by the Property Length

	// Packet Identifier 0.
	ruleClientPacketID: {"MQTT-2.3.1-1", "MQTT-2.2.1-3"}, // SUBSCRIBE, UNSUBSCRIBE, PUBLISH from the client
	ruleServerPacketID: {"MQTT-2.3.1-1", "MQTT-2.2.1-4"}, // PUBLISH from the server
	rulePublishAckID:   {"MQTT-2.3.1-6", "MQTT-2.2.1-5"}, // PUBACK, PUBREC, PUBREL
	rulePubcompID:      {"MQTT-4.3.3-2", "MQTT-2.2.1-5"}, // PUBCOMP; MQTT-2.3.1-6 leaves it out
	ruleSubscribeAckID: {"MQTT-2.3.1-7", "MQTT-2.2.1-6"}, // SUBACK, UNSUBACK

	// CONNECT.
	ruleProtocolName:    {"MQTT-3.1.2-1", "MQTT-3.1.2-1"},
	ruleProtocolLevel:   {"MQTT-3.1.2-2", "MQTT-3.1.2-2"},
	ruleConnectReserved: {"MQTT-3.1.2-3", "MQTT-3.1.2-3"},
	ruleWillQoS:         {"MQTT-3.1.2-14", "MQTT-3.1.2-12"}, // 3
	ruleWillQoSAlone:    {"MQTT-3.1.2-13", "MQTT-3.1.2-11"}, // without a Will
	ruleWillRetainAlone: {"MQTT-3.1.2-15", "MQTT-3.1.2-13"}, // without a Will
	rulePasswordAlone:   {"MQTT-3.1.2-22", ""},              // without a User Name, which 5.0 allows
	ruleClientIDMissing: {"MQTT-3.1.3-3", "MQTT-3.1.3-3"},
	ruleClientIDEmpty:   {"MQTT-3.1.3-7", ""}, // with Clean Session 0
	ruleWillMissing:     {"MQTT-3.1.2-9", "MQTT-3.1.2-9"},
	ruleUserNameMissing: {"MQTT-3.1.2-19", "MQTT-3.1.2-17"},
	rulePasswordMissing: {"MQTT-3.1.2-21", "MQTT-3.1.2-19"},
	ruleAuthDataAlone:   {"", "5.0/3.1.2.11.10/authentication-data-without-method"},
	ruleWillFormat:      {"", "5.0/3.1.3.2.3/payload-not-utf-8"},

	// CONNACK.
	ruleConnackReserved: {"3.1.1/3.2.2.1/reserved-flags", "MQTT-3.2.2-1"},
	ruleSessionPresent:  {"MQTT-3.2.2-4", "MQTT-3.2.2-6"},
	ruleConnackCode:     {"MQTT-3.2.2-6", "MQTT-3.2.2-8"},

	// PUBLISH.
	ruleQoS:                      {"MQTT-3.3.1-4", "MQTT-3.3.1-4"},
	ruleDup:                      {"MQTT-3.3.1-2", "MQTT-3.3.1-2"},
	ruleTopicMissing:             {"MQTT-3.3.2-1", "MQTT-3.3.2-1"},
	ruleTopicWildcard:            {"MQTT-3.3.2-2", "MQTT-3.3.2-2"},
	ruleTopicNoAlias:             {"MQTT-4.7.3-1", "5.0/3.3.2.1/topic-name-empty"},
	ruleResponseTopicWildcard:    {"", "MQTT-3.3.2-14"},
	ruleSubscriptionIDFromClient: {"", "MQTT-3.3.4-6"},
	rulePublishFormat:            {"", "5.0/3.3.2.3.2/payload-not-utf-8"},

	// PUBACK, PUBREC, PUBREL, PUBCOMP.
	rulePubackCode:  {"", "MQTT-3.4.2-1"},
	rulePubrecCode:  {"", "MQTT-3.5.2-1"},
	rulePubrelCode:  {"", "MQTT-3.6.2-1"},
	rulePubcompCode: {"", "MQTT-3.7.2-1"},

	// SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK.
	ruleSubscribeEmpty:    {"MQTT-3.8.3-3", "MQTT-3.8.3-2"},
	ruleSubscribeReserved: {"3.1.1/3.8.3/reserved-bits", "MQTT-3.8.3-5"}, // printed as MQTT-3-8.3-4 in 3.1.1
	ruleSubscribeQoS:      {"3.1.1/3.8.3/reserved-bits", "5.0/3.8.3.1/maximum-qos-value"},
	ruleRetainHandling:    {"", "5.0/3.8.3.1/retain-handling-value"},
	ruleNoLocalShared:     {"", "MQTT-3.8.3-4"},
	ruleSubackEmpty:       {"MQTT-3.8.4-5", "MQTT-3.8.4-6"},
	ruleSubackCode:        {"MQTT-3.9.3-2", "MQTT-3.9.3-2"},
	ruleUnsubscribeEmpty:  {"MQTT-3.10.3-2", "MQTT-3.10.3-2"},
	ruleUnsubackEmpty:     {"", "MQTT-3.11.3-2"},
	ruleUnsubackCode:      {"", "MQTT-3.11.3-2"},

	// DISCONNECT, AUTH.
	ruleDisconnectCode:            {"", "MQTT-3.14.2-1"},
	ruleSessionExpiryFromServer:   {"", "MQTT-3.14.2-2"},
	ruleServerReferenceFromClient: {"", "5.0/3.14.2.2.5/server-reference-from-client"},
	ruleAuthCode:                  {"", "MQTT-3.15.2-1"},
	ruleAuthMethodMissing:         {"", "5.0/3.15.2.2.2/authentication-method-missing"},

	// Topic Names and Topic Filters.
	ruleTopicEmpty:       {"MQTT-4.7.3-1", "MQTT-4.7.3-1"},
	ruleAnyTopicWildcard: {"MQTT-4.7.1-1", "MQTT-4.7.0-1"}, // Will Topic, and its Response Topic
	ruleMultiLevel:       {"MQTT-4.7.1-2", "MQTT-4.7.1-1"},
	ruleSingleLevel:      {"MQTT-4.7.1-3", "MQTT-4.7.1-2"},
	ruleShareName:        {"", "MQTT-4.8.2-1"},
	ruleShareFilter:      {"", "MQTT-4.8.2-2"},
}

// willProperties stands where a packet type would: the Will Properties are a
// place of their own (table 2-4).
const willProperties Type = 0

// propertyRule says that a property belongs to a packet, which statement is
// broken when it stands there twice ("" where it may), and which by a value
// that its type could hold but its section forbids ("" where none is).
type propertyRule struct {
	in           Type
	id           PropertyID
	twice, value string
}

// propertyRules are the properties of each packet (table 2-4), with the
// statements of their sections.
var propertyRules = []propertyRule{
	{CONNECT, PropSessionExpiryInterval, "5.0/3.1.2.11.2/session-expiry-interval-twice", ""},
	{CONNECT, PropReceiveMaximum, "5.0/3.1.2.11.3/receive-maximum-twice", "5.0/3.1.2.11.3/receive-maximum-value"},
	{CONNECT, PropMaximumPacketSize, "5.0/3.1.2.11.4/maximum-packet-size-twice", "5.0/3.1.2.11.4/maximum-packet-size-value"},
	{CONNECT, PropTopicAliasMaximum, "5.0/3.1.2.11.5/topic-alias-maximum-twice", ""},
	{CONNECT, PropRequestResponseInformation, "5.0/3.1.2.11.6/request-response-information-twice", "5.0/3.1.2.11.6/request-response-information-value"},
	{CONNECT, PropRequestProblemInformation, "5.0/3.1.2.11.7/request-problem-information-twice", "5.0/3.1.2.11.7/request-problem-information-value"},
	{CONNECT, PropUserProperty, "", ""},
	{CONNECT, PropAuthenticationMethod, "5.0/3.1.2.11.9/authentication-method-twice", ""},
	{CONNECT, PropAuthenticationData, "5.0/3.1.2.11.10/authentication-data-twice", ""},

	{willProperties, PropWillDelayInterval, "5.0/3.1.3.2.2/will-delay-interval-twice", ""},
	{willProperties, PropPayloadFormatIndicator, "5.0/3.1.3.2.3/payload-format-indicator-twice", "5.0/3.1.3.2.3/payload-format-indicator-value"},
	{willProperties, PropMessageExpiryInterval, "5.0/3.1.3.2.4/message-expiry-interval-twice", ""},
	{willProperties, PropContentType, "5.0/3.1.3.2.5/content-type-twice", ""},
	{willProperties, PropResponseTopic, "5.0/3.1.3.2.6/response-topic-twice", ""},
	{willProperties, PropCorrelationData, "5.0/3.1.3.2.7/correlation-data-twice", ""},
	{willProperties, PropUserProperty, "", ""},

	{CONNACK, PropSessionExpiryInterval, "5.0/3.2.2.3.2/session-expiry-interval-twice", ""},
	{CONNACK, PropReceiveMaximum, "5.0/3.2.2.3.3/receive-maximum-twice", "5.0/3.2.2.3.3/receive-maximum-value"},
	{CONNACK, PropMaximumQoS, "5.0/3.2.2.3.4/maximum-qos-twice", "5.0/3.2.2.3.4/maximum-qos-value"},
	{CONNACK, PropRetainAvailable, "5.0/3.2.2.3.5/retain-available-twice", "5.0/3.2.2.3.5/retain-available-value"},
	{CONNACK, PropMaximumPacketSize, "5.0/3.2.2.3.6/maximum-packet-size-twice", "5.0/3.2.2.3.6/maximum-packet-size-value"},
	{CONNACK, PropAssignedClientIdentifier, "5.0/3.2.2.3.7/assigned-client-identifier-twice", ""},
	{CONNACK, PropTopicAliasMaximum, "5.0/3.2.2.3.8/topic-alias-maximum-twice", ""},
	{CONNACK, PropReasonString, "5.0/3.2.2.3.9/reason-string-twice", ""},
	{CONNACK, PropUserProperty, "", ""},
	{CONNACK, PropWildcardSubscriptionAvailable, "5.0/3.2.2.3.11/wildcard-subscription-available-twice", "5.0/3.2.2.3.11/wildcard-subscription-available-value"},
	{CONNACK, PropSubscriptionIdentifierAvailable, "5.0/3.2.2.3.12/subscription-identifier-available-twice", "5.0/3.2.2.3.12/subscription-identifier-available-value"},
	{CONNACK, PropSharedSubscriptionAvailable, "5.0/3.2.2.3.13/shared-subscription-available-twice", "5.0/3.2.2.3.13/shared-subscription-available-value"},
	{CONNACK, PropServerKeepAlive, "5.0/3.2.2.3.14/server-keep-alive-twice", ""},
	{CONNACK, PropResponseInformation, "5.0/3.2.2.3.15/response-information-twice", ""},
	{CONNACK, PropServerReference, "5.0/3.2.2.3.16/server-reference-twice", ""},
	{CONNACK, PropAuthenticationMethod, "5.0/3.2.2.3.17/authentication-method-twice", ""},
	{CONNACK, PropAuthenticationData, "5.0/3.2.2.3.18/authentication-data-twice", ""},

	// The sections of the first two do not say "more than once" where all
	// others do; but two of them leave the packet without a meaning.
	{PUBLISH, PropPayloadFormatIndicator, "5.0/3.3.2.3.2/payload-format-indicator-twice", "5.0/3.3.2.3.2/payload-format-indicator-value"},
	{PUBLISH, PropMessageExpiryInterval, "5.0/3.3.2.3.3/message-expiry-interval-twice", ""},
	{PUBLISH, PropTopicAlias, "5.0/3.3.2.3.4/topic-alias-twice", "MQTT-3.3.2-8"},
	{PUBLISH, PropResponseTopic, "5.0/3.3.2.3.5/response-topic-twice", ""},
	{PUBLISH, PropCorrelationData, "5.0/3.3.2.3.6/correlation-data-twice", ""},
	{PUBLISH, PropUserProperty, "", ""},
	{PUBLISH, PropSubscriptionIdentifier, "", "5.0/3.3.2.3.8/subscription-identifier-value"},
	{PUBLISH, PropContentType, "5.0/3.3.2.3.9/content-type-twice", ""},

	{PUBACK, PropReasonString, "5.0/3.4.2.2.2/reason-string-twice", ""},
	{PUBACK, PropUserProperty, "", ""},
	{PUBREC, PropReasonString, "5.0/3.5.2.2.2/reason-string-twice", ""},
	{PUBREC, PropUserProperty, "", ""},
	{PUBREL, PropReasonString, "5.0/3.6.2.2.2/reason-string-twice", ""},
	{PUBREL, PropUserProperty, "", ""},
	{PUBCOMP, PropReasonString, "5.0/3.7.2.2.2/reason-string-twice", ""},
	{PUBCOMP, PropUserProperty, "", ""},

	{SUBSCRIBE, PropSubscriptionIdentifier, "5.0/3.8.2.1.2/subscription-identifier-twice", "5.0/3.8.2.1.2/subscription-identifier-value"},
	{SUBSCRIBE, PropUserProperty, "", ""},
	{SUBACK, PropReasonString, "5.0/3.9.2.1.2/reason-string-twice", ""},
	{SUBACK, PropUserProperty, "", ""},
	{UNSUBSCRIBE, PropUserProperty, "", ""},
	{UNSUBACK, PropReasonString, "5.0/3.11.2.1.2/reason-string-twice", ""},
	{UNSUBACK, PropUserProperty, "", ""},

	{DISCONNECT, PropSessionExpiryInterval, "5.0/3.14.2.2.2/session-expiry-interval-twice", ""},
	{DISCONNECT, PropReasonString, "5.0/3.14.2.2.3/reason-string-twice", ""},
	{DISCONNECT, PropUserProperty, "", ""},
	{DISCONNECT, PropServerReference, "5.0/3.14.2.2.5/server-reference-twice", ""},

	{AUTH, PropAuthenticationMethod, "5.0/3.15.2.2.2/authentication-method-twice", ""},
	{AUTH, PropAuthenticationData, "5.0/3.15.2.2.3/authentication-data-twice", ""},
	{AUTH, PropReasonString, "5.0/3.15.2.2.4/reason-string-twice", ""},
	{AUTH, PropUserProperty, "", ""},
}

// propertyRuleOf finds a row of propertyRules by packet and property; nil
// where the property does not belong.
var propertyRuleOf = func() (table [AUTH + 1][lastProperty + 1]*propertyRule) {
	for i := range propertyRules {
		r := &propertyRules[i]
		table[r.in][r.id] = r
	}
	return table
}()

// Belongs says whether a property may stand in packets of this type (table 2-4).
func Belongs(id PropertyID, in Type) bool {
	return in <= AUTH && id <= lastProperty && propertyRuleOf[in][id] != nil
}

// statement is the ID of the statement that the rule rests on.
func (r rule) statement(v Version) string {
	if v == V5 {
		return statements[r].v5
	}
	return statements[r].v311
}

// Statements lists the IDs of every statement that a [Breach] of this version
// can name, sorted.
func Statements(v Version) []string {
	var ids []string
	for r := range statements {
		ids = append(ids, rule(r).statement(v))
	}
	if v == V5 {
		for _, r := range propertyRules {
			ids = append(ids, r.twice, r.value)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if ids[0] == "" {
		ids = ids[1:]
	}
	return ids
}
