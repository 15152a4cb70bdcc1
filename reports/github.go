package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// maxAnnotations is how many annotations of a kind GitHub shows per step; it
// drops the rest without a word, so the last one says how many there are.
const maxAnnotations = 10

// WriteGitHub writes r as GitHub workflow commands: an error for each cause of
// failures, each harness error and all that makes the exit status 2; a warning for
// each cause of warnings, each unsteady check, each known-failures entry that wants
// attention and what a reader must know first; a notice with the verdict. What
// gates under failOn is an error, other failures are warnings.
func WriteGitHub(w io.Writer, r *Results, failOn FailOn) error {
	var problems, warnings []annotation
	if r.Problem != "" {
		problems = append(problems, annotation{"The run could not be done", shown(r.Problem, maxLine)})
	}
	for _, message := range Unmet(r) {
		problems = append(problems, annotation{"Untried", message})
	}
	for _, d := range r.Lost() {
		problems = append(problems, annotation{"MQTT " + shown(d.MQTT, 20), d.untested()})
	}
	for _, t := range troubles(r) {
		if !t.inFull() && t.outcome != Unsteady {
			continue
		}
		for _, x := range t.causes {
			if t.outcome == Error || failOn.gates(t.outcome) {
				problems = append(problems, annotationOf(x))
			} else {
				warnings = append(warnings, annotationOf(x))
			}
		}
	}
	for _, s := range headlines(r) {
		warnings = append(warnings, annotation{"MQTT conformance", s})
	}
	for _, message := range r.KnownFailures.Messages() {
		warnings = append(warnings, annotation{"Known failures", message})
	}
	var b strings.Builder
	annotate(&b, "error", problems)
	annotate(&b, "warning", warnings)
	annotate(&b, "notice", []annotation{{"MQTT conformance", Sentence(r)}})
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write GitHub annotations: %w", err)
	}
	return nil
}

type annotation struct{ title, message string }

func annotationOf(x cause) annotation {
	c := x.checks[0]
	message := shown(cmp.Or(c.Reason, c.Title), maxLine)
	for _, part := range []struct{ label, value string }{{"expected", c.Expected}, {"observed", c.Observed}} {
		if part.value != "" {
			message += "\n" + part.label + ": " + strings.Join(lines(part.value, 600), "\n  ")
		}
	}
	message += "\n" + shown(strings.Join(c.Accused(), ", "), maxLine)
	if s := c.heardFirst(); s != "" {
		message += "\nat first: " + shown(s, maxLine)
	}
	if title := x.title(); title != "" {
		message += "\nof one cause: " + title
	}
	return annotation{shown(c.ID, 120) + ": " + shown(c.Title, 200), message}
}

func annotate(b *strings.Builder, kind string, all []annotation) {
	for i, a := range all {
		if i == maxAnnotations-1 && len(all) > maxAnnotations {
			a = annotation{"MQTT conformance", fmt.Sprintf("and %d more; the job summary and the reports have them all", len(all)-i)}
		}
		fmt.Fprintf(b, "::%s title=%s::%s\n", kind, escapeProperty(a.title), escapeData(a.message))
		if i == maxAnnotations-1 {
			return
		}
	}
}

// escapeData escapes the message of a workflow command, as the runner's own
// toolkit does.
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// escapeProperty escapes a property of a workflow command.
func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
