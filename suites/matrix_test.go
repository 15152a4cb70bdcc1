package suites_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"mqttspec/codec"
	"mqttspec/harness/broker"
	"mqttspec/reports"
	"mqttspec/suites"
)

// resultsDir makes TestMatrix write what it otherwise holds; .ci/matrix gives it.
var resultsDir = flag.String("results", "", "write matrix/outcomes.yaml and the tables in Markdown from the PRESET.json in this directory")

// known is what matrix/ says of a preset. It names what does not pass: every
// check that is in none of the lists passes.
type known struct {
	Software string   `yaml:"software"`
	MQTT     []string `yaml:"mqtt,flow"` // the versions that it accepts
	Measured string   `yaml:"measured"`  // the day of the run that the seconds are of
	Seconds  float64  `yaml:"seconds"`   // the whole run, with the restarts of the broker
	Longest  float64  `yaml:"longest"`   // the longest of its checks, in seconds
	// Warn are those of the judged checks that break no more than a SHOULD.
	Warn []string `yaml:"warn,omitempty"`
	// Inapplicable are checks by what the broker lacks.
	Inapplicable map[string][]string `yaml:"inapplicable,omitempty"`
	// Untried are checks by the word of what the preset does not give.
	Untried map[string][]string `yaml:"untried,omitempty"`
	// Blocked are checks by the slug of the failed one that decides their set-up.
	Blocked map[string][]string `yaml:"blocked,omitempty"`
	// Wavers are checks that fail, or are blocked, in some runs and pass in others,
	// each with the reason. Those that are judged fail more often than not.
	Wavers map[string]string `yaml:"wavers,omitempty"`

	// judged are the checks that matrix/PRESET.yaml gives a reason for.
	judged []string
}

// outcome is how a check is known to come out, and under what it is listed.
func (k known) outcome(id string) (o reports.Outcome, under string) {
	for under, ids := range k.Inapplicable {
		if slices.Contains(ids, id) {
			return reports.Inapplicable, under
		}
	}
	for under, ids := range k.Untried {
		if slices.Contains(ids, id) {
			return reports.Untried, under
		}
	}
	for under, ids := range k.Blocked {
		if slices.Contains(ids, id) {
			return reports.Blocked, under
		}
	}
	switch {
	case slices.Contains(k.Warn, id):
		return reports.Warn, ""
	case slices.Contains(k.judged, id):
		return reports.Fail, ""
	}
	return reports.Pass, ""
}

// listed are the checks of one version that come out in one way.
func (k known) listed(o reports.Outcome, version string) (ids []string) {
	all := slices.Clone(k.judged)
	for _, lists := range []map[string][]string{k.Inapplicable, k.Untried, k.Blocked} {
		for _, ids := range lists {
			all = append(all, ids...)
		}
	}
	for _, id := range all {
		if got, _ := k.outcome(id); got == o && strings.HasSuffix(id, "@"+version) {
			ids = append(ids, id)
		}
	}
	return ids
}

// matrix reads matrix/: what is known, by preset.
func matrix(t *testing.T) map[string]known {
	t.Helper()
	raw, err := os.ReadFile("matrix/outcomes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]known
	if err := yaml.UnmarshalWithOptions(raw, &all, yaml.Strict()); err != nil {
		t.Fatalf("matrix/outcomes.yaml: %v", err)
	}
	for name, k := range all {
		file, err := os.Open("matrix/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		judged, err := reports.ReadKnownFailures(file)
		if err != nil {
			t.Fatalf("matrix/%s.yaml: %v", name, err)
		}
		for _, entry := range judged {
			k.judged = append(k.judged, entry.Check+"@"+entry.MQTT)
		}
		all[name] = k
	}
	return all
}

// TestMatrix holds matrix/ against the suite, and the tables in README.md and
// matrix/README.md against both. With -results it writes them first.
func TestMatrix(t *testing.T) {
	if *resultsDir != "" {
		writeOutcomes(t, *resultsDir)
	}
	brokers := matrix(t)
	if got, want := slices.Sorted(maps.Keys(brokers)), broker.Presets(); !slices.Equal(got, want) {
		t.Errorf("matrix/outcomes.yaml is about %v; the presets are %v", got, want)
	}
	exists := map[string]bool{}
	for _, d := range suites.All().Definitions() {
		for _, v := range d.Versions() {
			exists[d.ID(v)] = true
		}
	}
	for name, k := range brokers {
		var listed []string
		for _, version := range k.MQTT {
			for _, o := range []reports.Outcome{reports.Fail, reports.Warn, reports.Inapplicable, reports.Untried, reports.Blocked} {
				listed = append(listed, k.listed(o, version)...)
			}
		}
		for _, id := range slices.Concat(k.judged, k.Warn, slices.Collect(maps.Keys(k.Wavers)), listed) {
			if _, version, _ := strings.Cut(id, "@"); !exists[id] || !slices.Contains(k.MQTT, version) {
				t.Errorf("%s: %s is no check on MQTT %v", name, id, k.MQTT)
			}
		}
		for _, id := range slices.Concat(k.Warn, listed) {
			o, under := k.outcome(id)
			if judged := slices.Contains(k.judged, id); judged != (o == reports.Fail || o == reports.Warn) {
				t.Errorf("%s: %s is listed as %s; in matrix/%s.yaml: %v", name, id, o, name, judged)
			}
			_, version, _ := strings.Cut(id, "@")
			if by, _ := k.outcome(under + "@" + version); o == reports.Blocked && by != reports.Fail {
				t.Errorf("%s: %s is listed as blocked by %s, which is listed as %s", name, id, under, by)
			}
		}
		slices.Sort(listed)
		if once := slices.Compact(slices.Clone(listed)); len(once) != len(listed) {
			t.Errorf("%s: a check is listed twice: %v", name, listed)
		}
	}
	readme, err := os.ReadFile("matrix/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range brokers { // how to install the version that was measured
		version := regexp.MustCompile(`[0-9.]+$`).FindString(k.Software)
		row := regexp.MustCompile(`(?m)^\| ` + name + ` \| .*` + regexp.QuoteMeta(version) + `\b`)
		if !row.Match(readme) {
			t.Errorf("matrix/README.md does not say how to install %s %s", name, version)
		}
	}
	table(t, "matrix/README.md", "outcomes", outcomeTable(brokers))
	table(t, "../README.md", "statements", statementTable())
	table(t, "../README.md", "figures", figureTable(brokers))
}

// outcomeTable counts what does not pass. What passes is not counted: a new
// check that passes is to change nothing here.
func outcomeTable(brokers map[string]known) string {
	b := &strings.Builder{}
	b.WriteString("| broker | MQTT | fail | warn | inapplicable | untried | blocked | measured |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, name := range broker.Presets() {
		k := brokers[name]
		for _, version := range k.MQTT {
			count := func(o reports.Outcome) int { return len(k.listed(o, version)) }
			fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %d | %d | %s |\n", k.called(name), version,
				count(reports.Fail), count(reports.Warn), count(reports.Inapplicable), count(reports.Untried), count(reports.Blocked), k.Measured)
		}
	}
	return b.String()
}

// called is a broker with the preset's name, where its own does not say that.
func (k known) called(preset string) string {
	if strings.Contains(strings.ToLower(k.Software), preset) {
		return k.Software
	}
	return k.Software + " (" + preset + ")"
}

// figureTable is how long runs take.
func figureTable(brokers map[string]known) string {
	b := &strings.Builder{}
	b.WriteString("| broker | MQTT | a whole run | longest check | measured |\n| --- | --- | --- | --- | --- |\n")
	for _, name := range broker.Presets() {
		k := brokers[name]
		fmt.Fprintf(b, "| %s | %s | %.1f s | %.1f s | %s |\n", k.called(name), strings.Join(k.MQTT, ", "), k.Seconds, k.Longest, k.Measured)
	}
	return b.String()
}

// statementTable counts the statements of both versions.
func statementTable() string {
	b := &strings.Builder{}
	b.WriteString("| | MQTT 3.1.1 | MQTT 5.0 |\n| --- | --- | --- |\n")
	rows := []struct {
		name  string
		holds func(reports.Requirement) bool
	}{
		{"numbered statements", func(r reports.Requirement) bool { return strings.HasPrefix(r.ID, "MQTT-") }},
		{"statements without a number", func(r reports.Requirement) bool { return !strings.HasPrefix(r.ID, "MQTT-") }},
		{"decided by checks", func(r reports.Requirement) bool { return len(r.Checks) > 0 }},
		{"untested, each says why", func(r reports.Requirement) bool { return r.UntestedBecause != "" }},
	}
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |", row.name)
		for _, v := range []codec.Version{codec.V311, codec.V5} {
			n := 0
			for _, r := range suites.All().Requirements([]codec.Version{v}) {
				if row.holds(r) {
					n++
				}
			}
			fmt.Fprintf(b, " %d |", n)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// table holds what stands in a Markdown file between the markers of a table, or
// writes it there.
func table(t *testing.T, path, name, want string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(raw), "<!-- table: "+name+" -->\n")
	got, after, ends := strings.Cut(rest, "<!-- end -->\n")
	switch {
	case !begins || !ends:
		t.Errorf("%s has no markers of the table %s", path, name)
	case got == want:
	case *resultsDir == "":
		t.Errorf("the table %s in %s is\n%s\nand has to be\n%s\n(.ci/matrix writes it)", name, path, got, want)
	default:
		whole := before + "<!-- table: " + name + " -->\n" + want + "<!-- end -->\n" + after
		if err := os.WriteFile(path, []byte(whole), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// writeOutcomes writes matrix/outcomes.yaml from the results of a run of each
// preset. Which checks waver it keeps, and the words for what a broker lacks
// where no declared need says them.
func writeOutcomes(t *testing.T, dir string) {
	t.Helper()
	old, all := matrix(t), map[string]known{}
	for _, name := range broker.Presets() {
		r, err := reports.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		k := known{Software: reports.BrokerName(r), MQTT: r.MQTT, Measured: r.Started.Format(time.DateOnly), Seconds: tenths(r.DurationMS),
			Inapplicable: map[string][]string{}, Untried: map[string][]string{}, Blocked: map[string][]string{}, Wavers: old[name].Wavers}
		for _, c := range r.Checks {
			k.Longest = max(k.Longest, tenths(c.DurationMS))
			if k.Wavers[c.ID] != "" {
				continue
			}
			switch c.Outcome {
			case reports.Warn:
				k.Warn = append(k.Warn, c.ID)
			case reports.Inapplicable:
				lacks, _, declared := strings.Cut(c.Reason, ", which the broker does not offer")
				if was, under := old[name].outcome(c.ID); !declared && was == reports.Inapplicable {
					lacks = under
				}
				k.Inapplicable[lacks] = append(k.Inapplicable[lacks], c.ID)
			case reports.Untried:
				k.Untried[c.Needs] = append(k.Untried[c.Needs], c.ID)
			case reports.Blocked:
				_, by, _ := strings.Cut(c.Reason, "see check ")
				by, _, _ = strings.Cut(by, ")")
				k.Blocked[by] = append(k.Blocked[by], c.ID)
			case reports.Error:
				t.Fatalf("%s: %s: %s", name, c.ID, c.Reason)
			}
		}
		slices.Sort(k.Warn)
		for _, ids := range []map[string][]string{k.Inapplicable, k.Untried, k.Blocked} {
			for under := range ids {
				slices.Sort(ids[under])
			}
		}
		all[name] = k
	}
	body, err := yaml.MarshalWithOptions(all, yaml.IndentSequence(true))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("matrix/outcomes.yaml", append([]byte(outcomesHead), body...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tenths are milliseconds as seconds, to a tenth.
func tenths(ms float64) float64 { return float64(int(ms/100+0.5)) / 10 }

const outcomesHead = `# What does not pass on every preset, by name; every other check passes.
# Written by .ci/matrix, but for the wavers. What fails or warns, and why that is
# right, is in the file of the preset's name; the warnings among them are here.
# inapplicable: by what the broker lacks. untried: by what the preset does not
# give, in the word that --require takes. blocked: by the failed check that says
# why. wavers: fail, or are blocked, in some runs only.
# TestKnownResults holds every broker that is installed against these files.
`
