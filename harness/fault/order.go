package fault

import "mqttspec/codec"

// SwapsMessages lets a message overtake the one before it.
var SwapsMessages = stateful("swaps-messages", "sends every second message ahead of the one before it",
	func() behaviour {
		return behaviour{fromBroker: swaps[*codec.Publish](func(*Link, *Frame) bool { return true })}
	})

// SwapsResent loses the order of what it resends.
var SwapsResent = stateful("swaps-resent", "resends every second PUBLISH ahead of the one before it",
	func() behaviour {
		sent := deliveries{}
		return behaviour{
			fromClient: func(l *Link, f *Frame) Action {
				sent.fromClient(l, f)
				return Forward
			},
			fromBroker: swaps[*codec.Publish](func(l *Link, f *Frame) bool { return sent.fromBroker(l, f) != nil }),
		}
	})

// SwapsPubrels answers PUBRECs in no order.
var SwapsPubrels = stateful("swaps-pubrels", "sends every second PUBREL ahead of the one before it",
	func() behaviour {
		return behaviour{fromBroker: swaps[*codec.Pubrel](func(*Link, *Frame) bool { return true })}
	})

// swaps holds a packet of one type back until the next one has gone out.
func swaps[T codec.Packet](match func(*Link, *Frame) bool) func(*Link, *Frame) Action {
	held := map[*Link]codec.Packet{}
	return func(l *Link, f *Frame) Action {
		p, ok := f.Packet.(T)
		if !ok || !match(l, f) {
			return Forward
		}
		first := held[l]
		if first == nil {
			held[l] = p
			return Swallow
		}
		l.ToClient(p, first)
		delete(held, l)
		return Swallow
	}
}
