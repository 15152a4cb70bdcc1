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
	harness.StepWill:         "will-published",
	harness.StepWellFormed:   "well-formed-packets",

	stepReservedFlagRefused:  "connect-reserved-flag",
	stepUnknownMethodRefused: "auth-unknown-method",
	stepLevelRefusedWithCode: "connect-protocol-level",
	stepLevelClosedOn:        "connect-protocol-version-closed",
	stepSecondConnectCloses:  "connect-second",
	stepReservedTypeCloses:   "framing-packet-type-reserved",
	stepQoS3Closes:           "publish-qos-3",
	stepEmptySubscribeCloses: "subscribe-empty",
	stepRetainedOnSubscribe:  "retain-new-subscription",
	stepResentQoS1:           "qos1-unacknowledged-resent",
	stepResentQoS2:           "qos2-sender-resumed",
}
