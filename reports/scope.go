package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// wants are the words of [Check.Needs], which --require takes too, each with what
// is then missing from the target, as in "for want of a restart".
var wants = map[string]string{
	"access":         "refused topics and logins",
	"administrator":  "an administrator's login",
	"authentication": "an authentication method",
	"certificate":    "a client certificate",
	"credentials":    "credentials",
	"durable":        "durable state",
	"kill":           "a kill",
	"restart":        "a restart",
	"websocket":      "a WebSocket URL",
}

// requireAll is the word of --require that stands for all the others.
const requireAll = "all"

// NeedWords are the words that [Check.Needs] can have, in order.
func NeedWords() []string { return sortedKeys(wants) }

// ParseRequire checks the words of --require.
func ParseRequire(words []string) ([]string, error) {
	var all []string
	for _, word := range words {
		if word = strings.ToLower(strings.TrimSpace(word)); word != requireAll && wants[word] == "" {
			return nil, fmt.Errorf("--require %q: choose all, or some of %s", Printable(word), strings.Join(NeedWords(), ", "))
		}
		all = append(all, word)
	}
	return all, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// A want is what the target does not give, and the checks that it leaves untried.
type want struct {
	word   string // of --require; empty if the check names none
	checks []*Check
}

// untried are the wants of r, the one that leaves most untried first.
func untried(r *Results) []want {
	var all []want
	for _, c := range withOutcome(r, Untried) {
		at := slices.IndexFunc(all, func(w want) bool { return w.word == c.Needs })
		if at < 0 {
			at = len(all)
			all = append(all, want{word: c.Needs})
		}
		all[at].checks = append(all[at].checks, c)
	}
	slices.SortFunc(all, func(a, b want) int {
		return cmp.Or(cmp.Compare(len(b.checks), len(a.checks)), cmp.Compare(a.word, b.word))
	})
	return all
}

// missing says what the target does not give.
func (w want) missing() string {
	return cmp.Or(wants[w.word], shown(w.word, 40), "something that the target does not give")
}

// title counts the checks, and says for want of what they were not tried.
func (w want) title() string { return fmt.Sprintf("%d for want of %s", len(w.checks), w.missing()) }

// flag is how a run is told not to leave them untried.
func (w want) flag() string {
	if wants[w.word] == "" {
		return ""
	}
	return "--require " + w.word
}

// maxAdvice is how many different things to add to the target are told of one want.
const maxAdvice = 4

// advice says what to add to the target: the checks' reasons, each once.
func (w want) advice() []string {
	var all []string
	for _, c := range w.checks {
		reason := strings.TrimRight(shown(c.Reason, maxLine), ". ")
		if reason != "" && len(all) < maxAdvice && !slices.Contains(all, reason) {
			all = append(all, reason)
		}
	}
	return all
}

// wanting says how many checks were not tried, and for want of what.
func wanting(r *Results) string {
	n, what := 0, []string{}
	for _, w := range untried(r) {
		n += len(w.checks)
		what = append(what, w.missing())
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d untried for want of %s", n, and(what))
}

// Unmet says, a sentence each, what r.Settings.Require asked for and the target
// does not give: the exit status is 2 then.
func Unmet(r *Results) []string {
	var all []string
	for _, w := range untried(r) {
		if !r.requires(w.word) {
			continue
		}
		message := "--require"
		if w.word != "" {
			message += " " + shown(w.word, 40)
		}
		message += fmt.Sprintf(": %s untried for want of %s", plural(len(w.checks), "check"), w.missing())
		if advice := w.advice(); len(advice) > 0 {
			message += ": " + strings.Join(advice, "; ")
		}
		all = append(all, message)
	}
	return all
}

// requires says whether a check that needs this may not stay untried.
func (r *Results) requires(word string) bool {
	return slices.Contains(r.Settings.Require, requireAll) || word != "" && slices.Contains(r.Settings.Require, word)
}

// dropped are the versions that were not tested; r.MQTT has none of them.
func (r *Results) dropped() []Dropped {
	return slices.DeleteFunc(slices.Clone(r.Dropped), func(d Dropped) bool { return slices.Contains(r.MQTT, d.MQTT) })
}

// Lost are the versions that were not tested though the broker did not refuse them,
// nor the user leave them out: what they would have shown is missing from the run.
func (r *Results) Lost() []Dropped {
	return slices.DeleteFunc(r.dropped(), func(d Dropped) bool { return d.Refused })
}

// untested says that a version was not tested, and why.
func (d Dropped) untested() string {
	s := "MQTT " + shown(d.MQTT, 20) + " was not tested"
	if reason := strings.TrimRight(shown(d.Reason, 300), ". "); reason != "" {
		s += ": " + reason
	}
	return s
}

// services are what the broker refuses by its own choice on a version, or on all
// if version is empty.
func services(r *Results, version string) []string {
	refused := map[string]bool{}
	for _, c := range r.Checks {
		if c.refuses() && (version == "" || c.MQTT == version) {
			refused[shown(c.Refused, 60)] = true
		}
	}
	return sortedKeys(refused)
}

// refuses says whether the check was kept from being tried by a refusal.
func (c *Check) refuses() bool { return c.Outcome == Inapplicable && c.Refused != "" }

// scope is what the verdict speaks of.
func scope(r *Results) string {
	parts := []string{"no protocol version"}
	if len(r.MQTT) > 0 {
		parts[0] = "MQTT " + shown(and(r.MQTT), 40)
	}
	if t := transport(r); t != "" {
		parts[0] += " over " + t
	}
	for _, d := range r.dropped() {
		parts = append(parts, d.untested())
	}
	if refused := services(r, ""); len(refused) > 0 {
		parts = append(parts, "the broker refuses "+and(refused))
	}
	if r.Settings.Selection != "" {
		parts = append(parts, "only a selection was run")
	}
	if s := wanting(r); s != "" {
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}

// transport is what the target's URL says about it.
func transport(r *Results) string {
	scheme, _, _ := strings.Cut(r.Target.URL, "://")
	switch scheme {
	case "mqtt":
		return "TCP"
	case "mqtts":
		return "TLS"
	case "ws":
		return "WebSocket"
	case "wss":
		return "WebSocket and TLS"
	case "unix":
		return "a Unix socket"
	}
	return ""
}

// headlines are what a reader must know before anything else, a sentence each:
// what was not tested, what the broker refuses, how the run went.
func headlines(r *Results) []string {
	var all []string
	for _, d := range r.dropped() {
		all = append(all, d.untested()+".")
	}
	for _, version := range versionsOf(r) {
		refused := services(r, version)
		if len(refused) == 0 {
			continue
		}
		n := 0
		for _, c := range r.Checks {
			if c.MQTT == version && c.refuses() {
				n++
			}
		}
		verb := "does"
		if n > 1 {
			verb = "do"
		}
		all = append(all, fmt.Sprintf("On MQTT %s the broker refuses %s: %s %s not apply, and the verdict is incomplete.",
			shown(version, 20), and(refused), plural(n, "check"), verb))
	}
	for _, condition := range r.Conditions {
		all = append(all, shown(condition, 400))
	}
	return all
}
