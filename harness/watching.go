package harness

import "mqttspec/codec"

// A check that finds nothing wrong with what the broker sends has shown something
// only if the broker has sent any of it.

// sees notes what the broker has sent.
func (x *Exchange) sees(p codec.Packet) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seenTypes[p.Type()] = true
	for _, property := range codec.PropertiesOf(p) {
		x.seenProperties[property.ID] = true
	}
}

// NeedSeen makes the check inapplicable where the broker has sent no packet of this
// type in the exchange: there is nothing to see.
func (x *Exchange) NeedSeen(t codec.Type) {
	x.mu.Lock()
	seen := x.seenTypes[t]
	x.mu.Unlock()
	if !seen {
		x.Inapplicable("nothing to see: the broker sent no %s in this exchange", t)
	}
}

// NeedSeenProperty is NeedSeen for any of these properties, which what names.
func (x *Exchange) NeedSeenProperty(what string, ids ...codec.PropertyID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		if x.seenProperties[id] {
			return
		}
	}
	x.Inapplicable("nothing to see: the broker sent no %s in this exchange", what)
}
