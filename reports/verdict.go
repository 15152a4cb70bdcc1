package reports

import (
	"fmt"
	"strings"
)

// BrokerName is what reports call the broker: its software as far as known,
// else the target's name, else its URL. Printable and of bounded length.
func BrokerName(r *Results) string {
	for _, name := range []string{r.Target.Software, r.Target.Name, redactURL(r.Target.URL)} {
		if name = strings.TrimSpace(name); name != "" {
			return shown(name, 80)
		}
	}
	return "the broker"
}

// Sentence is the verdict in one sentence, fit to stand alone: "mosquitto
// 2.0.11 is NONCONFORMANT with MQTT 5.0 and conformant with 3.1.1: 3 of 412
// checks fail."
func Sentence(r *Results) string {
	if len(r.Checks) == 0 {
		if r.Problem != "" {
			return fmt.Sprintf("%s could not be tested: %s.", BrokerName(r), strings.TrimRight(shown(r.Problem, 400), ". "))
		}
		return fmt.Sprintf("Nothing is known about %s: no check was run.", BrokerName(r))
	}
	return fmt.Sprintf("%s %s: %s.", BrokerName(r), judgement(r), account(r))
}

// judgement says, by version, what the broker is; the worst comes first.
func judgement(r *Results) string {
	by := map[Verdict][]string{}
	for _, version := range r.judged() {
		v := r.VerdictOn(version)
		by[v] = append(by[v], shown(version, 20))
	}
	var parts []string
	mqtt := "MQTT " // said once, at the first mention
	if versions := by[Nonconformant]; versions != nil {
		parts = append(parts, "is NONCONFORMANT with "+mqtt+and(versions))
		mqtt = ""
	}
	if versions := by[Conformant]; versions != nil {
		verb := "is "
		if parts != nil {
			verb = ""
		}
		parts = append(parts, verb+"conformant with "+mqtt+and(versions))
		mqtt = ""
	}
	if versions := by[Incomplete]; versions != nil {
		word := "INCOMPLETE"
		if by[Nonconformant] != nil {
			word = "incomplete"
		}
		if parts == nil {
			parts = append(parts, "was seen to break no MUST, but the verdict on "+mqtt+and(versions)+" is "+word)
		} else {
			parts = append(parts, "its verdict on "+mqtt+and(versions)+" is "+word)
		}
	}
	if parts == nil {
		return "was not tested on any protocol version"
	}
	return and(parts)
}

// account gives the numbers behind the judgement.
func account(r *Results) string {
	n := r.Summary.Checks
	if n == nil {
		n = Counts{}
		for _, c := range r.Checks {
			n[c.Outcome]++
		}
	}
	total := len(r.Checks) - n[Untried]
	var parts []string
	switch fails := n[Fail]; fails {
	case 0:
		parts = append(parts, fmt.Sprintf("none of %s fails", plural(total, "check")))
	case 1:
		parts = append(parts, fmt.Sprintf("1 of %s fails", plural(total, "check")))
	default:
		parts = append(parts, fmt.Sprintf("%d of %s fail", fails, plural(total, "check")))
		if causes := failureCauses(r); causes < fails {
			parts[0] += ", from " + plural(causes, "cause")
		}
	}
	for _, more := range []struct {
		outcome   Outcome
		one, many string
	}{
		{Warn, "warns", "warn"},
		{Unsteady, "is unsteady", "are unsteady"},
		{Error, "met a harness error", "met a harness error"},
		{Blocked, "is blocked", "are blocked"},
		{Waived, "is waived", "are waived"},
	} {
		switch k := n[more.outcome]; {
		case k == 1:
			parts = append(parts, "1 "+more.one)
		case k > 1:
			parts = append(parts, fmt.Sprintf("%d %s", k, more.many))
		}
	}
	if refused := services(r, ""); len(refused) > 0 {
		parts = append(parts, "it refuses "+and(refused))
	}
	g := r.gaps("")
	switch {
	case g.selection:
		parts = append(parts, "only a selection was run")
	case g.notRun > 0:
		parts = append(parts, fmt.Sprintf("%d %s not run", g.notRun, map[bool]string{true: "was", false: "were"}[g.notRun == 1]))
	case r.Summary.Verdict == Incomplete && g.passed == 0:
		parts = append(parts, "none was seen to pass")
	}
	account := strings.Join(parts, ", ")
	if s := wanting(r); s != "" {
		account += "; " + s
	}
	for _, d := range r.Lost() {
		account += "; " + d.untested()
	}
	if g.problem {
		account += "; the run did not finish: " + strings.TrimRight(shown(r.Problem, 400), ". ")
	}
	return account
}

// failureCauses is how many causes r's failures have.
func failureCauses(r *Results) int {
	causes := map[string]bool{}
	for _, c := range r.Checks {
		if c.Outcome == Fail {
			causes[c.Cause] = true
		}
	}
	return len(causes)
}

// and joins words as a sentence does: "a, b and c".
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// plural is "1 check", "2 checks".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
