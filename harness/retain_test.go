package harness

import (
	"testing"

	"mqttspec/codec"
)

// keeps brings a new subscription what is retained.
func keeps(topic, payload string) script {
	return script{accepts, grants(1), sends(&codec.Publish{Topic: topic, Payload: payload, Retain: true}), serves}
}

// TestRetain: a retained message is stored when another client has received its
// copy, and a new subscription brings it; a broker that does not store it is waited for
// only so long.
func TestRetain(t *testing.T) {
	observes := func(steps ...step) script { return append(script{accepts, grants(1), pongs}, steps...) }
	publisher := script{accepts, wants(codec.PUBLISH), sends(&codec.Puback{PacketID: 1})}
	retain := func(c *Client) { c.Retain(codec.QoS1, news, "kept") }
	for name, r := range map[string]struct {
		observer, publisher script
		body                func(c *Client)
		want                stop
	}{
		"it comes":                {observes(sends(published(1, 4, "kept")), wants(codec.PUBACK)), publisher, retain, stop{}},
		"it comes behind another": {observes(sends(published(0, 0, "old"), published(0, 0, "kept"))), publisher, retain, stop{}},
		"it does not come":        {observes(), publisher, retain, stop{Unprepared, "PUBLISH topic=" + news, "nothing within 5s", StepDeliver}},
		"it is not acknowledged":  {observes(), publisher[:2], retain, stop{Unprepared, "PUBACK id=1", "nothing within 5s", StepPublishQoS1}},
		"it is empty, and does not come": {
			observes(), publisher, func(c *Client) { c.Retain(codec.QoS1, news, "") },
			stop{Unprepared, "PUBLISH topic=" + news, "nothing within 5s", StepDeliverEmpty},
		},
		"it is not retained, and comes": {observes(sends(published(0, 0, "kept"))), publisher, func(c *Client) { c.PublishObserved(codec.QoS1, news, "kept") }, stop{}},
		"nobody can observe":            {script{accepts, grants(codec.SubackFailure)}, publisher[:1], retain, stop{kind: Declined, expected: "SUBACK granting QoS 1", observed: "SUBACK"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{r.publisher, r.observer, keeps(news, "kept")}, body: func(x *Exchange) { r.body(x.Connect(Clean)) }}.evidence(t)
			r.want.check(t, e.Stop)
		})
	}
}

// TestObserver: one client observes all that an exchange retains, and subscribes
// to a topic once.
func TestObserver(t *testing.T) {
	e := performing{
		scripts: []script{
			{serves},
			{
				accepts, grants(1), pongs, sends(published(0, 0, "1"), published(0, 0, "2")),
				grants(1), pongs, sends(&codec.Publish{Topic: news + "/other", Payload: "3"}),
			},
			keeps(news, "1"), keeps(news, "2"), keeps(news+"/other", "3"),
		},
		body: func(x *Exchange) {
			c := x.Connect(Clean)
			c.Retain(codec.QoS0, news, "1")
			c.Retain(codec.QoS0, news, "2")
			c.Retain(codec.QoS0, news+"/other", "3")
		},
	}.evidence(t)
	stop{}.check(t, e.Stop)
}
