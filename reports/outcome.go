package reports

import "fmt"

// mark is an outcome as one character.
func (o Outcome) mark() string {
	switch o {
	case Pass:
		return "✔"
	case Fail:
		return "✖"
	case Warn:
		return "!"
	case Unsteady:
		return "≈"
	case Inapplicable:
		return "–"
	case Untried:
		return "○"
	case Blocked:
		return "⊘"
	case Waived:
		return "~"
	case Untested:
		return "·"
	}
	return "?"
}

// word is an outcome as a narrow column shows it.
func (o Outcome) word() string {
	if o == Inapplicable {
		return "n/a"
	}
	return string(o)
}

// waivedBecause is what a known-failures entry says for a waived check.
func waivedBecause(c *Check) string {
	if c.Waiver == nil {
		return shown(c.Reason, maxLine)
	}
	s := shown(c.Waiver.Reason, maxLine)
	if c.Waiver.Link != "" {
		s += " (" + shown(c.Waiver.Link, maxLine) + ")"
	}
	if c.Waiver.Expires != "" {
		s += ", until " + shown(c.Waiver.Expires, 10)
	}
	return s
}

// took is how long a check took, worth saying only when one would notice.
func took(ms float64) string {
	switch {
	case ms <= 100:
		return ""
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%d min %d s", int(ms)/60_000, int(ms)/1000%60)
}
