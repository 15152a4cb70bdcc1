package fault

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mqttspec/codec"
	"mqttspec/harness/wire/websocket"
)

var versions = []codec.Version{codec.V311, codec.V5}

// TestToursPassUnchanged holds the proxy to changing nothing by itself.
func TestToursPassUnchanged(t *testing.T) {
	noFrame := Fault{start: func() behaviour {
		return behaviour{FrameFromClient: func(*Link, *websocket.Frame) Action { return Forward }}
	}}
	for _, to := range slices.Concat(tours, specialTours) {
		for _, v := range versions {
			f := Nothing
			if to.frames {
				f = noFrame
			}
			for _, s := range travel(t, v, f, to).steps {
				if s.changed() {
					t.Errorf("%s in %v: %v", to.name, v, s)
				}
			}
		}
	}
}

// TestEveryFaultShows takes every fault through the tours: where it changes what
// arrives, it must pass hold.
func TestEveryFaultShows(t *testing.T) {
	for _, f := range slices.Concat(All(), Bad()) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			left := slices.Clone(versions)
			shows := false
			for i, to := range slices.Concat(tours, specialTours) {
				if special := i >= len(tours); special && shows || to.frames && !ofFrames(f) {
					continue
				}
				left = slices.DeleteFunc(left, func(v codec.Version) bool {
					seen := travel(t, v, f, to)
					if seen.mistake == nil && slices.ContainsFunc(seen.steps, step.changed) {
						shows = true
						hold(t, v, f, to, seen)
					}
					if seen.mistake != nil && v == codec.V5 {
						t.Errorf("%s in %v: %v", to.name, v, seen.mistake)
					}
					return seen.mistake != nil // it says what 3.1.1 has no words for
				})
			}
			if !shows {
				t.Skipf("a broker that %q does so on no tour; that it does is for the check to show that catches it (package suites)", f.Does)
			}
		})
	}
}

// hold holds a fault to what a tour showed: it begins as if nothing had been
// before, and leaves alone in a plain exchange what its sentence does not speak
// of.
func hold(t *testing.T, v codec.Version, f Fault, to tour, first seen) {
	t.Helper()
	if again := travel(t, v, f, to); again.String() != first.String() {
		t.Errorf("%s in %v, the second time:\n%v\nthe first time:\n%v", to.name, v, again, first)
	}
	if to.name != "plain" {
		return
	}
	for _, s := range first.steps {
		if subject := unmentioned(f.Does, s); subject != "" {
			t.Errorf("a broker that %q says nothing of %s: %v", f.Does, subject, s)
		}
	}
}

// ofFrames says whether a fault looks at WebSocket frames.
func ofFrames(f Fault) bool {
	b := f.start()
	return b.FrameFromClient != nil || b.FrameFromBroker != nil
}

// mentions are the words by which a sentence speaks of packets, and of the end
// of a connection. "packet" speaks of all.
var mentions = map[string]*regexp.Regexp{
	"CONNECT":     regexp.MustCompile(`CONNECT\b|Client Identifier|[Cc]lient|[Ss]ession|Will|Keep Alive|Alias|Maximum|accepts|method`),
	"CONNACK":     regexp.MustCompile(`CONNACK|CONNECT\b|Connect Acknowledge|Session Present|clients|accepts|refus|property|Receive Maximum`),
	"PUBLISH":     regexp.MustCompile(`PUBLISH|[Mm]essage|[Tt]opic|payload|deliver|RETAIN`),
	"SUBSCRIBE":   regexp.MustCompile(`SUBSCRIBE|[Ss]ubscri|[Ff]ilter`),
	"SUBACK":      regexp.MustCompile(`SUBACK|SUBSCRIBE|[Ss]ubscri|[Ff]ilter`),
	"UNSUBSCRIBE": regexp.MustCompile(`UNSUBSCRIBE|[Uu]nsubscri`),
	"UNSUBACK":    regexp.MustCompile(`UNSUBACK|UNSUBSCRIBE|[Uu]nsubscri`),
	"PUBACK":      regexp.MustCompile(`PUBACK`),
	"PUBREC":      regexp.MustCompile(`PUBREC`),
	"PINGREQ":     regexp.MustCompile(`PINGREQ|silent`),
	"PINGRESP":    regexp.MustCompile(`PINGRE|silent`),
	"AUTH":        regexp.MustCompile(`AUTH`),
	"DISCONNECT":  regexp.MustCompile(`DISCONNECT|[Dd]isconnect|session`),
	"closed":      regexp.MustCompile(`clos|[Dd]isconnect|DISCONNECT|connection`),
}

// unmentioned is the packet type that a step is about, if a fault changes it
// without a word of it.
func unmentioned(does string, s step) string {
	for _, e := range slices.Concat(s.sent, s.came) {
		if slices.Contains(s.sent, e) && slices.Contains(s.came, e) {
			continue
		}
		subject := e.subject()
		if said := mentions[subject]; strings.Contains(does, "packet") || said != nil && said.MatchString(does) {
			continue
		}
		return fmt.Sprintf("%s, or of its loss", subject)
	}
	return ""
}
