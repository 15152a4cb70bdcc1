package harness

import (
	"slices"
	"strings"

	"mqttspec/codec"
)

// A Stray is a message of this run that reached a client of an exchange which it
// does not belong to, though nobody there has subscribed to anything that matches
// it. No exchange takes one for an answer. No statement forbids it, for a server
// may subscribe its clients of itself (section 4.5 of 5.0), but who reads the
// results has to know.
type Stray struct {
	Conn   string // who got it
	Packet string // on one line
}

// mostStrays is how many are kept of one exchange.
const mostStrays = 3

// subscribes notes the Topic Filters of a SUBSCRIBE, and whether the client will be
// sent what others are.
func (x *Exchange) subscribes(subscriptions ...codec.Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range subscriptions {
		filter := s.Filter
		x.wildcards = x.wildcards || strings.HasSuffix(filter, "#")
		x.overhears = x.overhears || !x.settings.ours(filter)
		if shared, ok := strings.CutPrefix(filter, sharePrefix); ok {
			x.shares = true
			group, rest, _ := strings.Cut(shared, "/")
			if filter = rest; group == "" || rest == "" || strings.ContainsAny(group, "+#") {
				x.anyhow = true // who takes what is no filter takes it for anything
			}
		}
		if !slices.Contains(x.filters, filter) {
			x.filters = append(x.filters, filter)
		}
	}
}

// subscribesAnyhow notes a SUBSCRIBE of which nobody knows what a server takes it for.
func (x *Exchange) subscribesAnyhow() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.anyhow = true
}

// stray says whether a message belongs to nothing that the exchange has to do with:
// neither are its topics the exchange's own, nor does a subscription match it. A
// topic may be left to an alias.
func (x *Exchange) stray(p *codec.Publish) bool {
	if _, alias := p.Properties.Number(codec.PropTopicAlias); x.owns(p.Topic) || p.Topic == "" && alias {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.anyhow && x.settings.ours(p.Topic) {
		return false
	}
	return !slices.ContainsFunc(x.filters, func(filter string) bool { return matches(filter, p.Topic) })
}

// strayed keeps a stray message.
func (x *Exchange) strayed(c *Client, p *codec.Publish) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.strays) < mostStrays {
		x.strays = append(x.strays, Stray{c.name, Mask(p.String(), x.log.secrets)})
	}
}

// matches says whether a Topic Filter matches a topic (section 4.7), leniently: what
// a server makes of a filter that is none is not at issue.
func matches(filter, topic string) bool {
	levels, names := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, level := range levels {
		switch {
		case level == "#":
			return true
		case i >= len(names) || level != "+" && level != names[i]:
			return false
		}
	}
	return len(levels) == len(names)
}
