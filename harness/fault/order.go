package fault

import "mqttspec/codec"

// SwapsMessages lets a message overtake the one before it.
var SwapsMessages = stateful("swaps-messages", "sends every second message of a topic and QoS ahead of the one before it",
	Breaks{V311: "MQTT-4.6.0-1 MQTT-4.6.0-5 MQTT-4.6.0-6", V5: "MQTT-4.6.0-5 MQTT-4.6.0-6"},
	func() behaviour {
		return behaviour{FromBroker: swaps[*codec.Publish](func(*Link, *Frame) bool { return true })}
	})

// SwapsResent loses the order of what it resends.
var SwapsResent = stateful("swaps-resent", "resends every second PUBLISH ahead of the one before it",
	Breaks{V311: "MQTT-4.6.0-1 MQTT-4.6.0-6", V5: "MQTT-4.6.0-5"},
	func() behaviour {
		sent := deliveries{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				sent.fromClient(l, f)
				return Forward
			},
			FromBroker: swaps[*codec.Publish](func(l *Link, f *Frame) bool { return sent.fromBroker(l, f) != nil }),
		}
	})

// SwapsPubrels answers PUBRECs in no order.
var SwapsPubrels = stateful("swaps-pubrels", "sends every second PUBREL ahead of the one before it",
	Breaks{V311: "MQTT-4.6.0-4 MQTT-4.6.0-6"},
	func() behaviour {
		return behaviour{FromBroker: swaps[*codec.Pubrel](func(*Link, *Frame) bool { return true })}
	})

// swaps holds a packet of one type (a PUBLISH: of one topic and QoS) back until
// the next one has gone out.
func swaps[T codec.Packet](match func(*Link, *Frame) bool) func(*Link, *Frame) Action {
	type stream struct {
		l     *Link
		topic string
		qos   codec.QoS
	}
	held := map[stream]codec.Packet{}
	return func(l *Link, f *Frame) Action {
		p, ok := f.Packet.(T)
		if !ok || !match(l, f) {
			return Forward
		}
		of := stream{l: l}
		if p, ok := f.Packet.(*codec.Publish); ok {
			of.topic, of.qos = p.Topic, p.QoS
		}
		first := held[of]
		if first == nil {
			held[of] = p
			return Swallow
		}
		l.ToClient(p, first)
		delete(held, of)
		return Swallow
	}
}
