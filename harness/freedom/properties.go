package freedom

import (
	"slices"

	"mqttspec/codec"
	"mqttspec/harness/proxy"
)

// What a server may add of itself.

// SubscribesClients does so without being asked: a client may get messages "that do
// not match any of its explicit Subscriptions. This can happen if the Server
// automatically assigned a subscription to the Client" (section 4.5).
var SubscribesClients = declare("subscribes-clients", "subscribes every client to a topic of its own, on which much is published",
	stateless(behaviour{FromBroker: func(l *link, f *frame) action {
		status := &codec.Publish{Topic: "status/" + l.ClientID(), Payload: "well"}
		switch f.Packet.(type) {
		case *codec.Publish, *codec.Suback, *codec.Pingresp, *codec.Puback, *codec.Pubrec, *codec.Unsuback:
			if fits(l, status) {
				l.ToClient(status)
			}
		}
		return forward
	}}))

// ExplainsEverything puts properties wherever they may stand (5.0, section
// 3.1.2.11.7).
var ExplainsEverything = declare("explains-everything", "puts a Reason String and User Properties wherever they may stand",
	stateless(behaviour{FromBroker: func(l *link, f *frame) action {
		if f.Packet == nil {
			return forward
		}
		n, asked := l.Asked().Properties.Number(codec.PropRequestProblemInformation)
		switch f.Type() {
		case codec.CONNACK, codec.DISCONNECT:
		case codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP, codec.SUBACK, codec.UNSUBACK, codec.AUTH:
			if asked && n != 1 {
				return forward
			}
		default:
			return forward
		}
		properties := proxy.PropertiesOf(f.Packet)
		if properties.Has(codec.PropReasonString) {
			return forward
		}
		before := *properties
		*properties = append(append(codec.Properties{}, before...),
			codec.ReasonString("as the specification has it"), codec.UserProperty("section", "4.13"), codec.UserProperty("section", "4.13"))
		if !fits(l, f.Packet) {
			*properties = before
		}
		return forward
	}}), only(codec.V5))

// AssignsEveryClientIdentifier tells every client its name.
var AssignsEveryClientIdentifier = declare("assigns-every-client-identifier", "sends the Assigned Client Identifier in every CONNACK",
	stateless(behaviour{FromBroker: edits(func(l *link, p *codec.Connack) action {
		if p.Code == codec.Success && !p.Properties.Has(codec.PropAssignedClientIdentifier) {
			say(l, p, codec.AssignedClientIdentifier(l.ClientID()))
		}
		return forward
	})}), only(codec.V5), leaves("that it is an identifier which the server has assigned (section 3.2.2.3.7)"))

// UsesAliasesAtOnce saves bytes wherever it can.
var UsesAliasesAtOnce = declare("uses-aliases-at-once", "sets a Topic Alias for every topic as far as the client allows, and uses it from then on",
	func() behaviour {
		aliases := map[*link]map[string]uint16{}
		return behaviour{FromClient: edits(func(_ *link, p *codec.Connect) action { // so that the broker behind uses none
			p.Properties = slices.DeleteFunc(slices.Clone(p.Properties), func(p codec.Property) bool { return p.ID == codec.PropTopicAliasMaximum })
			return forward
		}), FromBroker: edits(func(l *link, p *codec.Publish) action {
			most, _ := l.Asked().Properties.Number(codec.PropTopicAliasMaximum)
			if p.Topic == "" || p.Properties.Has(codec.PropTopicAlias) {
				return forward
			}
			if aliases[l] == nil {
				aliases[l] = map[string]uint16{}
			}
			topic, before := p.Topic, p.Properties
			alias, known := aliases[l][topic]
			switch {
			case known:
				p.Topic, p.Properties = "", set(before, codec.TopicAlias(alias))
			case len(aliases[l]) < int(most):
				alias = uint16(len(aliases[l]) + 1)
				if p.Properties = set(before, codec.TopicAlias(alias)); !fits(l, p) {
					p.Properties = before
					return forward
				}
				aliases[l][topic] = alias
			}
			return forward
		})}
	}, only(codec.V5))

// SendsResponseInformation gives it to clients that request it (5.0, section
// 3.1.2.11.6).
var SendsResponseInformation = declare("sends-response-information", "sends Response Information to clients that request it",
	stateless(behaviour{FromBroker: edits(func(l *link, p *codec.Connack) action {
		if n, _ := l.Asked().Properties.Number(codec.PropRequestResponseInformation); n == 1 && p.Code == codec.Success {
			say(l, p, codec.ResponseInformation("answers"))
		}
		return forward
	})}), only(codec.V5))
