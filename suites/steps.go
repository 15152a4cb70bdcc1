package suites

import "mqttspec/harness"

// Steps that checks of this suite stand on, beside those of the harness's verbs.
const (
	stepReservedFlagRefused  harness.Step = "the refusal of a CONNECT with the reserved flag"
	stepUnknownMethodRefused harness.Step = "the refusal of an unknown authentication method"
	stepLevelRefusedWithCode harness.Step = "the refusal of an unknown Protocol Level (3.1.1)"
	stepLevelClosedOn        harness.Step = "the refusal of an unknown Protocol Version (5.0)"
	stepSecondConnectCloses  harness.Step = "the end of the connection after a second CONNECT"
	stepReservedTypeCloses   harness.Step = "the end of the connection after a packet of type 0"
	stepQoS3Closes           harness.Step = "the end of the connection after a PUBLISH at QoS 3"
	stepEmptySubscribeCloses harness.Step = "the end of the connection after a SUBSCRIBE without Topic Filter"
	stepRetainedOnSubscribe  harness.Step = "the retained message for a new subscription"
	stepOnce                 harness.Step = "one copy of a QoS 0 message"
	stepSubscriptionKept     harness.Step = "the subscription of a session that is kept"
	stepQueued               harness.Step = "a message that waits in a session"
	stepReceiveMaximum       harness.Step = "no more messages than the client's Receive Maximum"
	stepUnfinishedBorne      harness.Step = "as many unfinished messages as the server's Receive Maximum"
	stepQuotaRestored        harness.Step = "the next message when one is complete"
	stepRefusalTaken         harness.Step = "no PUBREL for a PUBREC that refuses"
	stepSilenceCloses        harness.Step = "the end of the connection of a silent client"
	stepIdentifierReturned   harness.Step = "the Subscription Identifier of a message"
	stepLargeMessage         harness.Step = "a message as large as the server allows"
	stepWillQoSRefused       harness.Step = "the refusal of a Will above the server's Maximum QoS"
	stepWillRetainRefused    harness.Step = "the refusal of a Will to be retained by a server that retains nothing"
	stepExceededCloses       harness.Step = "the end of the connection of a client that exceeds the server's Receive Maximum"
	stepMalformedCloses      harness.Step = "the end of the connection after a malformed CONNECT"
	stepTakenOver            harness.Step = "the end of the connection of a client that another displaces"
	stepAliasMapped          harness.Step = "a message by Topic Alias"
	stepAliasZeroCloses      harness.Step = "the end of the connection after Topic Alias 0"
	stepAliasAboveCloses     harness.Step = "the end of the connection after a Topic Alias above the maximum"
	stepAliasUnknownCloses   harness.Step = "the end of the connection after a Topic Alias that was not set"
	stepAliasAllowed         harness.Step = "a Topic Alias within the client's maximum"
	stepServerAliases        harness.Step = "messages by Topic Aliases that the client can resolve"
	stepWillDiscarded        harness.Step = "a Will Message that DISCONNECT discards"
	stepResentQoS1           harness.Step = "an unacknowledged QoS 1 message, resent"
	stepResentQoS2           harness.Step = "an unacknowledged QoS 2 message, resent"
)

// decidedBy names the check that decides each part of an exchange that others
// stand on: where that part fails, they are blocked by this check.
var decidedBy = map[harness.Step]string{
	harness.StepConnect:      "connect-accepted",
	harness.StepSubscribe:    "subscribe-granted",
	harness.StepUnsubscribe:  "unsubscribe-acknowledged",
	harness.StepPublishQoS1:  "qos1-acknowledged",
	harness.StepPublishQoS2:  "qos2-complete",
	harness.StepReceiveQoS2:  "qos2-delivered",
	harness.StepDeliver:      "message-delivered",
	harness.StepDeliverEmpty: "retain-empty-payload-delivered",
	harness.StepPing:         "pingreq-answered",
	harness.StepAuthenticate: "auth-accepted",
	harness.StepShared:       "shared-one-member",
	harness.StepWill:         "will-published",
	harness.StepWellFormed:   "well-formed-packets",

	harness.StepRefusalCloses:    "connack-refused-closed",
	harness.StepDisconnectCloses: "disconnect-from-server-closes",
	harness.StepSubackID:         "subscribe-packet-id",
	harness.StepSubackCodes:      "subscribe-code-per-filter",
	harness.StepRequestedQoS:     "subscribe-qos-requested",
	harness.StepGrantedQoS:       "subscribe-qos-minimum",
	harness.StepWildcards:        "topics-multi-level",
	harness.StepUnretained:       "retain-flag-0-not-stored",

	harness.StepUnsubackCodes: "unsubscribe-code-per-filter",

	stepReservedFlagRefused:  "connect-reserved-flag",
	stepUnknownMethodRefused: "auth-unknown-method",
	stepLevelRefusedWithCode: "connect-protocol-level",
	stepLevelClosedOn:        "connect-protocol-version-closed",
	stepSecondConnectCloses:  "connect-second",
	stepReservedTypeCloses:   "framing-packet-type-reserved",
	stepQoS3Closes:           "publish-qos-3",
	stepEmptySubscribeCloses: "subscribe-empty",
	stepRetainedOnSubscribe:  "retain-new-subscription",
	stepOnce:                 "qos0-once",
	stepSubscriptionKept:     "session-subscription-kept",
	stepQueued:               "state-kept",
	stepReceiveMaximum:       "receive-maximum-initial",
	stepUnfinishedBorne:      "receive-maximum-used-up",
	stepQuotaRestored:        "receive-maximum-restored",
	stepRefusalTaken:         "pubrec-refused-unanswered",
	stepSilenceCloses:        "keepalive-enforced",
	stepIdentifierReturned:   "subid-returned",
	stepLargeMessage:         "packetsize-of-server-unlimited",
	stepWillQoSRefused:       "capabilities-will-qos-exceeded",
	stepWillRetainRefused:    "capabilities-will-retain-unavailable",
	stepExceededCloses:       "receive-maximum-exceeded",
	stepMalformedCloses:      "connect-malformed",
	stepTakenOver:            "connect-takeover",
	stepAliasMapped:          "alias-mapped",
	stepAliasZeroCloses:      "alias-zero",
	stepAliasAboveCloses:     "alias-above-maximum",
	stepAliasUnknownCloses:   "alias-unknown",
	stepAliasAllowed:         "alias-within-maximum",
	stepServerAliases:        "alias-within-maximum",
	stepWillDiscarded:        "disconnect-discards-will",
	stepResentQoS1:           "qos1-unacknowledged-resent",
	stepResentQoS2:           "qos2-sender-resumed",
}
