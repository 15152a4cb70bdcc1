package reports

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// A KnownFailure is an entry of a known-failures file: a failure that somebody
// knows of, gave a reason for, and does not want to gate.
type KnownFailure struct {
	// Check is a slug, or a slug@version; Statement a statement's ID. One of
	// them is given.
	Check     string `yaml:"check,omitempty" json:"check,omitempty"`
	Statement string `yaml:"statement,omitempty" json:"statement,omitempty"`
	// MQTT narrows the entry to one protocol version.
	MQTT string `yaml:"mqtt,omitempty" json:"mqtt,omitempty"`
	// Broker is whom the entry is about: the beginning of the software's or
	// target's name, in whole words and any case, with * for anything.
	Broker  string `yaml:"broker" json:"broker"`
	Reason  string `yaml:"reason" json:"reason"`
	Link    string `yaml:"link,omitempty" json:"link,omitempty"`
	Expires string `yaml:"expires,omitempty" json:"expires,omitempty"` // the last day it holds, 2006-01-02
}

// String names the entry in a message.
func (k KnownFailure) String() string {
	name := "check " + shown(k.Check, 120)
	if k.Check == "" {
		name = "statement " + shown(k.Statement, 120)
	}
	if k.MQTT != "" {
		name += " on MQTT " + shown(k.MQTT, 20)
	}
	return name + " of " + shown(k.Broker, 80)
}

// KnownFailures are the entries of a known-failures file.
type KnownFailures []KnownFailure

// KnownReport says which entries of a known-failures file want attention;
// under --strict they gate.
type KnownReport struct {
	Stale   []KnownFailure `json:"stale"`   // what they excuse no longer fails, or no longer exists
	Expired []KnownFailure `json:"expired"` // their day is over; they excused nothing
}

// Messages says it in sentences, one per entry.
func (k *KnownReport) Messages() []string {
	if k == nil {
		return nil
	}
	var all []string
	for _, e := range k.Stale {
		all = append(all, fmt.Sprintf("stale: %s: it does not fail any more; take the entry out", e))
	}
	for _, e := range k.Expired {
		all = append(all, fmt.Sprintf("expired on %s: %s: fix it, or give the entry another day and a reason", shown(e.Expires, 10), e))
	}
	return all
}

// ReadKnownFailures reads a known-failures file: a YAML list of entries. It is
// strict: an unknown field, a missing reason, broker, check or statement, an
// impossible date, a second entry for the same thing are errors that say
// where.
func ReadKnownFailures(r io.Reader) (KnownFailures, error) {
	var entries KnownFailures
	err := yaml.NewDecoder(r, yaml.Strict()).Decode(&entries)
	if errors.Is(err, io.EOF) {
		return nil, nil // an empty file knows of nothing
	}
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return nil, fmt.Errorf("known failures: line %d: %s", at.GetToken().Position.Line, shown(at.GetMessage(), maxLine))
		}
		return nil, fmt.Errorf("known failures: %s", shown(err.Error(), maxLine))
	}
	seen := map[[4]string]int{}
	for i := range entries {
		e := &entries[i]
		if e.MQTT == "5" {
			e.MQTT = "5.0" // YAML takes 5.0 without quotes for a number
		}
		complain := func(format string, a ...any) error {
			return fmt.Errorf("known failures: entry %d (%s): %s", i+1, e, fmt.Sprintf(format, a...))
		}
		switch {
		case (e.Check == "") == (e.Statement == ""):
			return nil, complain("give either check or statement")
		case strings.TrimSpace(e.Broker) == "":
			return nil, complain("broker is missing; \"*\" is any broker")
		case e.MQTT != "" && e.MQTT != "3.1.1" && e.MQTT != "5.0":
			return nil, complain("mqtt is %q; write 3.1.1 or 5.0, or leave it out for both", shown(e.MQTT, 20))
		case strings.TrimSpace(e.Reason) == "":
			return nil, complain("reason is missing: say why the failure does not count")
		}
		if e.Expires != "" {
			if _, err := time.Parse(time.DateOnly, e.Expires); err != nil {
				return nil, complain("expires is %q; write a day as 2006-01-31", shown(e.Expires, 40))
			}
		}
		key := [4]string{e.Check, e.Statement, e.MQTT, strings.ToLower(e.Broker)}
		if first, twice := seen[key]; twice {
			return nil, complain("entry %d says the same", first)
		}
		seen[key] = i + 1
	}
	return entries, nil
}

// Apply marks the failures of r that an entry excuses as waived, with its
// reason, and summarises r afresh. now decides what has expired. What r knew
// of waivers before is undone first, so that a stored run can be judged by
// another file. The entries that want attention are kept in r.KnownFailures
// and returned; entries about other brokers, other versions or checks that
// were not run want none.
func (k KnownFailures) Apply(r *Results, now time.Time) *KnownReport {
	for i := range r.Checks {
		r.Checks[i].unwaive()
	}
	report := &KnownReport{Stale: []KnownFailure{}, Expired: []KnownFailure{}}
	today := now.Format(time.DateOnly)
	for _, e := range k {
		if !e.about(r) {
			continue
		}
		var failing []*Check
		passed, undecided := 0, 0
		for i := range r.Checks {
			switch c := &r.Checks[i]; {
			case !e.matches(c):
			case c.Outcome == Fail, c.Outcome == Warn, c.Outcome == Waived:
				failing = append(failing, c)
			case c.Outcome == Pass:
				passed++
			default:
				undecided++
			}
		}
		switch {
		case len(failing) == 0 && undecided == 0 && (passed > 0 || e.gone(r)):
			report.Stale = append(report.Stale, e)
		case len(failing) > 0 && e.Expires != "" && e.Expires < today:
			report.Expired = append(report.Expired, e)
		default:
			for _, c := range failing {
				c.waive(e)
			}
		}
	}
	r.KnownFailures = report
	Summarise(r)
	return report
}

// about says whether the entry concerns r's broker and versions.
func (k KnownFailure) about(r *Results) bool {
	if k.MQTT != "" && !slices.Contains(r.MQTT, k.MQTT) {
		return false
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(k.Broker)), `\*`, `.*`)
	re, err := regexp.Compile(`(?is)^` + pattern + `(\s.*)?$`)
	return err == nil && (re.MatchString(strings.TrimSpace(r.Target.Software)) || re.MatchString(strings.TrimSpace(r.Target.Name)))
}

func (k KnownFailure) matches(c *Check) bool {
	if k.MQTT != "" && k.MQTT != c.MQTT {
		return false
	}
	if k.Check != "" {
		return k.Check == c.Slug || k.Check == c.ID
	}
	return slices.Contains(c.Accused(), k.Statement)
}

// gone says that the run was whole and knows nothing of what the entry is
// about: the check was renamed, or the ID is mistyped.
func (k KnownFailure) gone(r *Results) bool {
	if r.Settings.Selection != "" || r.Problem != "" {
		return false
	}
	for _, q := range r.Requirements {
		if k.Statement != "" && q.ID == k.Statement {
			return false
		}
		if k.Check != "" && slices.ContainsFunc(q.Checks, func(id string) bool {
			slug, _, _ := strings.Cut(id, "@")
			return id == k.Check || slug == k.Check
		}) {
			return false
		}
	}
	return true
}

// WriteKnownFailures writes a known-failures file that excuses every failure
// and warning of r: something to start from, each entry with the check's title
// and what was seen. The reasons are what was observed; people are to replace
// them with why that does not count.
func WriteKnownFailures(w io.Writer, r *Results) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Known failures of %s: run with --known-failures FILE and these do not gate.\n", BrokerName(r))
	b.WriteString("# Give each a reason that says why it does not count, a link if there is one,\n# and a day on which somebody has to look at it again (expires: 2006-01-31).\n")
	if !r.Started.IsZero() {
		fmt.Fprintf(&b, "# Seen %s.\n", r.Started.UTC().Format(time.DateOnly))
	}
	broker := productName(r)
	n := 0
	for _, o := range []Outcome{Fail, Warn, Waived} {
		for _, c := range withOutcome(r, o) {
			entry := KnownFailure{Check: c.Slug, MQTT: c.MQTT, Broker: broker, Reason: shown(cmp.Or(c.Reason, c.Observed, c.Title), maxLine)}
			if c.Waiver != nil {
				entry.Reason, entry.Link = shown(c.Waiver.Reason, maxLine), shown(c.Waiver.Link, maxLine)
				if _, err := time.Parse(time.DateOnly, c.Waiver.Expires); err == nil {
					entry.Expires = c.Waiver.Expires
				}
			}
			text, err := yaml.Marshal([]KnownFailure{entry})
			if err != nil {
				return fmt.Errorf("write known failures: %w", err)
			}
			fmt.Fprintf(&b, "\n# %s\n# %s, %s\n%s", shown(c.Title, maxLine), shown(c.Level, 20), shown(strings.Join(c.Accused(), ", "), maxLine), text)
			n++
		}
	}
	if n == 0 {
		b.WriteString("\n[] # nothing fails\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write known failures: %w", err)
	}
	return nil
}

// productName is the broker's name without its version: an entry should
// outlive an upgrade, and be reported as stale once that mended it.
func productName(r *Results) string {
	name := strings.TrimSpace(shown(cmp.Or(r.Target.Software, r.Target.Name), 80))
	words := strings.Fields(name)
	for i, word := range words {
		if digit := strings.TrimLeft(word, "vV"); i > 0 && digit != "" && digit[0] >= '0' && digit[0] <= '9' {
			words = words[:i]
			break
		}
	}
	if name = strings.Join(words, " "); name == "" {
		return "*"
	}
	return name
}
