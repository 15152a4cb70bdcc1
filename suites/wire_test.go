package suites_test

import (
	"slices"
	"testing"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/suites"
	"mqttspec/suites/catalogue"
)

// clientOnly are the statements that the strict decoder can name only for a
// packet that a client sends: about CONNECT, SUBSCRIBE and UNSUBSCRIBE, and
// about properties that are a client's in packets that both sides send.
var clientOnly = map[codec.Version][]string{
	codec.V311: {
		"3.1.1/3.8.3/reserved-bits", "MQTT-3.1.2-1", "MQTT-3.1.2-2", "MQTT-3.1.2-3", "MQTT-3.1.2-9", "MQTT-3.1.2-13",
		"MQTT-3.1.2-14", "MQTT-3.1.2-15", "MQTT-3.1.2-19", "MQTT-3.1.2-21", "MQTT-3.1.2-22", "MQTT-3.1.3-3", "MQTT-3.1.3-7",
		"MQTT-3.10.1-1", "MQTT-3.10.3-2", "MQTT-3.14.1-1", "MQTT-3.8.1-1", "MQTT-3.8.3-3", "MQTT-4.7.1-1", "MQTT-4.7.1-2",
		"MQTT-4.7.1-3", "MQTT-4.8.0-1",
	},
	codec.V5: {
		"5.0/3.1.2.11.10/authentication-data-twice", "5.0/3.1.2.11.10/authentication-data-without-method",
		"5.0/3.1.2.11.2/session-expiry-interval-twice", "5.0/3.1.2.11.3/receive-maximum-twice", "5.0/3.1.2.11.3/receive-maximum-value",
		"5.0/3.1.2.11.4/maximum-packet-size-twice", "5.0/3.1.2.11.4/maximum-packet-size-value", "5.0/3.1.2.11.5/topic-alias-maximum-twice",
		"5.0/3.1.2.11.6/request-response-information-twice", "5.0/3.1.2.11.6/request-response-information-value",
		"5.0/3.1.2.11.7/request-problem-information-twice", "5.0/3.1.2.11.7/request-problem-information-value",
		"5.0/3.1.2.11.9/authentication-method-twice", "5.0/3.1.3.2.2/will-delay-interval-twice",
		"5.0/3.1.3.2.3/payload-format-indicator-twice", "5.0/3.1.3.2.3/payload-format-indicator-value", "5.0/3.1.3.2.3/payload-not-utf-8",
		"5.0/3.1.3.2.4/message-expiry-interval-twice", "5.0/3.1.3.2.5/content-type-twice", "5.0/3.1.3.2.6/response-topic-twice",
		"5.0/3.1.3.2.7/correlation-data-twice", "5.0/3.14.2.2.2/session-expiry-interval-twice", "5.0/3.14.2.2.5/server-reference-from-client",
		"5.0/3.3.2.3.2/payload-not-utf-8", "5.0/3.8.2.1.2/subscription-identifier-twice", "5.0/3.8.2.1.2/subscription-identifier-value",
		"5.0/3.8.3.1/maximum-qos-value", "5.0/3.8.3.1/retain-handling-value", "5.0/4.13.1/malformed-packet",
		"MQTT-2.2.1-3", "MQTT-3.1.2-1", "MQTT-3.1.2-2", "MQTT-3.1.2-3", "MQTT-3.1.2-9", "MQTT-3.1.2-11", "MQTT-3.1.2-12", "MQTT-3.1.2-13",
		"MQTT-3.1.2-17", "MQTT-3.1.2-19", "MQTT-3.1.3-3", "MQTT-3.10.1-1", "MQTT-3.10.3-2", "MQTT-3.3.4-6", "MQTT-3.8.1-1",
		"MQTT-3.8.3-2", "MQTT-3.8.3-4", "MQTT-3.8.3-5", "MQTT-4.7.0-1", "MQTT-4.7.1-1", "MQTT-4.7.1-2", "MQTT-4.8.2-1", "MQTT-4.8.2-2",
	},
}

// TestEveryBreachHasACheck: whatever statement the strict decoder or the harness
// itself names for a packet from the broker, there is a check that answers for it.
func TestEveryBreachHasACheck(t *testing.T) {
	for _, v := range []codec.Version{codec.V311, codec.V5} {
		var watched []string
		for _, d := range suites.All().Definitions() {
			if d.Watches {
				watched = append(watched, d.Rules.Of(v)...)
			}
		}
		for _, statement := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(codec.Statements(v), harness.Statements(v))))) {
			if _, ok := catalogue.Lookup(v, statement); !ok {
				t.Errorf("MQTT %s: the decoder or the harness names %s, which the catalogue does not have", v, statement)
			}
			switch client, server := slices.Contains(clientOnly[v], statement), slices.Contains(watched, statement); {
			case client && server:
				t.Errorf("MQTT %s: %s is watched, though it is said to be a client's", v, statement)
			case !client && !server:
				t.Errorf("MQTT %s: no check answers for %s", v, statement)
			}
		}
		for _, statement := range clientOnly[v] {
			if !slices.Contains(codec.Statements(v), statement) {
				t.Errorf("MQTT %s: %s is said to be a client's, but the decoder does not name it", v, statement)
			}
		}
	}
}

// TestWatchesBreakTheirStatements: the faults of a check that watches break
// every statement that it decides, so that none is there for show.
func TestWatchesBreakTheirStatements(t *testing.T) {
	t.Parallel() // it waits most of its time
	brokers := witnesses(t)
	settings := suites.Options{Timeout: 2 * time.Second}.Settings()
	settings.KeepTraces = true
	for id, p := range passing(t, brokers) {
		if !p.Watches {
			continue
		}
		broken := map[string]bool{}
		for _, f := range p.CaughtBy {
			_, breaches, err := faulty(t, p, f, settings)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range breaches {
				broken[b.Statement] = true
			}
		}
		for _, statement := range p.Rules.Of(p.Version) {
			if !broken[statement] {
				t.Errorf("%s: no fault breaks %s", id, statement)
			}
		}
	}
}
