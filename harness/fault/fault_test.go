package fault

import (
	"slices"
	"testing"

	"mqttspec/codec"
)

// made is a fault as a maker makes it, for a tour of one client's.
func made(t *testing.T, v codec.Version, f Fault, take func(e *ends)) []step {
	t.Helper()
	if f.Name != "name" || f.Does != "does" || f.Where == "" {
		t.Errorf("made %q %q in %q", f.Name, f.Does, f.Where)
	}
	return travel(t, v, f, tour{take: func(s *stage) { take(s.open("alice")) }}).steps
}

func TestMakers(t *testing.T) {
	var (
		ping, pong = &codec.Pingreq{}, &codec.Pingresp{}
		puback     = &codec.Puback{PacketID: 1}
		wrong      = codec.Wrong(puback, codec.Set("Packet Identifier", 0, 0))
	)
	renumber := func(_ *Link, p *codec.Puback) Action { p.PacketID = 2; return Forward }
	t.Run("fromBroker", func(t *testing.T) {
		wantSteps(t, made(t, codec.V311, fromBroker("name", "does", Breaks{}, renumber), func(e *ends) { e.up(puback).down(pong, puback) }),
			"alice > PUBACK id=1", "alice < PINGRESP", "alice < PUBACK id=1  ->  alice < PUBACK id=2")
	})
	t.Run("fromClient", func(t *testing.T) {
		wantSteps(t, made(t, codec.V311, fromClient("name", "does", Breaks{}, renumber), func(e *ends) { e.up(ping, puback).down(puback) }),
			"alice > PINGREQ", "alice > PUBACK id=1  ->  alice > PUBACK id=2", "alice < PUBACK id=1")
	})
	t.Run("only", func(t *testing.T) { // what breaks a rule is not mended
		steps := made(t, codec.V311, fromClient("name", "does", Breaks{}, renumber), func(e *ends) { e.up(wrong) })
		if steps[0].changed() {
			t.Errorf("%v", steps[0])
		}
		steps = made(t, codec.V311, fromBroker("name", "does", Breaks{}, renumber), func(e *ends) { e.down(wrong) })
		if !steps[0].changed() {
			t.Errorf("what the broker behind does wrong hides the fault: %v", steps[0])
		}
	})
	t.Run("stateful", func(t *testing.T) {
		f := stateful("name", "does", Breaks{}, func() behaviour {
			count := 0
			return behaviour{FromClient: func(*Link, *Frame) Action {
				if count++; count == 2 {
					return Swallow
				}
				return Forward
			}}
		})
		for range 2 {
			wantSteps(t, made(t, codec.V5, f, func(e *ends) { e.up(ping, ping, ping) }),
				"alice > PINGREQ", "alice > PINGREQ  ->  nothing", "alice > PINGREQ")
		}
	})
	t.Run("tolerates", func(t *testing.T) {
		f := tolerates("name", "does", Breaks{}, malformed(codec.PUBACK))
		steps := made(t, codec.V5, f, func(e *ends) { e.up(puback, wrong, ping).down(puback) })
		if steps[0].changed() || len(steps[1].came) > 0 || steps[2].changed() || steps[3].changed() {
			t.Errorf("%v", steps)
		}
	})
	t.Run("refuses", func(t *testing.T) {
		f := refuses("name", "does", Breaks{}, func(*Link, *Frame) bool { return true })
		for v, refusal := range map[codec.Version]string{
			codec.V311: "CONNACK session-present=0 0x03 Refused, Server unavailable",
			codec.V5:   "CONNACK session-present=0 0x88 Server unavailable",
		} {
			wantSteps(t, made(t, v, f, func(e *ends) { e.up(ping, e.stage.connecting("alice", clean)) }),
				"alice > PINGREQ", "alice > CONNECT client=alice clean=1 keepalive=0  ->  alice < "+refusal+"; alice < closed")
		}
	})
	t.Run("closes", func(t *testing.T) {
		f := closes("name", "does", Breaks{}, func(_ *Link, f *Frame) bool { return f.Type() == codec.PUBACK })
		wantSteps(t, made(t, codec.V5, f, func(e *ends) { e.up(ping, puback) }),
			"alice > PINGREQ", "alice > PUBACK id=1  ->  alice < closed")
	})
	t.Run("accepts", func(t *testing.T) {
		f := accepts("name", "does", Breaks{}, malformed(codec.CONNECT))
		steps := made(t, codec.V5, f, func(e *ends) {
			connect := e.stage.connecting("alice", clean)
			e.up(connect, codec.Wrong(connect, codec.Flags(1)))
		})
		if steps[0].changed() || len(steps[1].came) != 1 || steps[1].came[0].line(codec.V5) != "alice < CONNACK session-present=0 0x00 Success" {
			t.Errorf("%v", steps)
		}
	})
	t.Run("sends", func(t *testing.T) {
		f := sends("name", "does", Breaks{}, func(_ *Link, p *codec.Puback) codec.Packet { return &codec.Pubcomp{PacketID: p.PacketID} })
		wantSteps(t, made(t, codec.V5, f, func(e *ends) { e.up(puback).down(puback) }),
			"alice > PUBACK id=1", "alice < PUBACK id=1  ->  alice < PUBCOMP id=1")
	})
}

func TestMatchers(t *testing.T) {
	breach := &codec.Breach{Field: "Topic Name", Statement: "MQTT-4.7.3-1"}
	frames := map[string]*Frame{
		"legal":            {Raw: []byte{0x30, 0}},
		"wrong topic":      {Raw: []byte{0x30, 0}, Breach: breach},
		"wrong otherwise":  {Raw: []byte{0x30, 0}, Breach: &codec.Breach{Field: "Fixed Header", Statement: "MQTT-3.3.1-4"}},
		"of another type":  {Raw: []byte{0x82, 0}, Breach: breach},
		"of no known type": {Raw: []byte{0x00, 0}, Breach: &codec.Breach{Field: "Fixed Header"}},
	}
	for name, test := range map[string]struct {
		match func(*Link, *Frame) bool
		want  []string
	}{
		"malformed":         {malformed(codec.PUBLISH), []string{"wrong otherwise", "wrong topic"}},
		"malformed a field": {malformed(codec.PUBLISH, "Payload", "Topic Name"), []string{"wrong topic"}},
		"breaking":          {breaking("MQTT-1.5.3-1", "MQTT-4.7.3-1"), []string{"of another type", "wrong topic"}},
		"breaks":            {breaks(codec.PUBLISH, "MQTT-4.7.3-1"), []string{"wrong topic"}},
		"breakingIn":        {breakingIn("MQTT-3.3.1-4", "MQTT-4.7.3-1"), []string{"of another type", "wrong topic"}},
	} {
		var got []string
		for name, f := range frames {
			if test.match(&Link{Version: codec.V5}, f) {
				got = append(got, name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("%s matches %q; want %q", name, got, test.want)
		}
	}
	if !breakingIn("MQTT-3.3.1-4", "MQTT-4.7.3-1")(&Link{Version: codec.V311}, frames["wrong otherwise"]) {
		t.Error("breakingIn does not match by 3.1.1's number")
	}
}

// TestWithout: the list it is given stays what it was, as packets share it.
func TestWithout(t *testing.T) {
	all := codec.Properties{codec.UserProperty("a", "1"), codec.ReceiveMaximum(1), codec.UserProperty("b", "2")}
	before := slices.Clone(all)
	got := without(all, codec.PropUserProperty)
	if want := (codec.Properties{codec.ReceiveMaximum(1)}); !slices.Equal(got, want) || !slices.Equal(all, before) {
		t.Errorf("without gives %v and leaves %v", got, all)
	}
}

// TestFaultsOnDemand: the two families that are made for a statement each.
func TestFaultsOnDemand(t *testing.T) {
	count := len(All())
	f := Overlooks("5.0/3.3.2.3.4/topic-alias-twice")
	twice := &codec.Publish{Topic: "t", Properties: codec.Properties{codec.TopicAlias(1), codec.TopicAlias(1)}}
	steps := travel(t, codec.V5, f, tour{take: func(s *stage) { s.connect("alice", clean).up(twice, &codec.Publish{Topic: "t"}) }}).steps
	if f.Name != "overlooks-5.0-3.3.2.3.4-topic-alias-twice" || len(steps[2].came) != 0 || steps[3].changed() {
		t.Errorf("%s: %v", f.Name, steps)
	}
	f = AcceptsConnectBreaking("5.0/3.1.2.11.3/receive-maximum-value")
	steps = travel(t, codec.V5, f, tour{take: func(s *stage) {
		s.open("alice").up(s.connecting("alice", codec.Connect{Properties: codec.Properties{codec.ReceiveMaximum(0)}}))
	}}).steps
	if f.Name != "accepts-connect-breaking-receive-maximum-value" || len(steps[0].came) != 1 || steps[0].came[0].from != codec.Server {
		t.Errorf("%s: %v", f.Name, steps)
	}
	if len(All()) != count {
		t.Error("All has grown")
	}
}
