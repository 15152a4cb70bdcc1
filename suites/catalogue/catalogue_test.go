package catalogue

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mqttspec/codec"
)

// halves is the catalogue by version, with what each half is held against.
var halves = []struct {
	version              codec.Version
	count                int // of numbered statements
	numbered, unnumbered []Requirement
	own                  []ownID
	restated             []restatement
}{
	{codec.V311, 139, v311, unnumbered311, own311, restated311},
	{codec.V5, 251, v5, unnumbered5, own5, restated5},
}

var (
	numberedID = regexp.MustCompile(`^MQTT-\d+\.\d+\.\d+-\d+$`)
	anyID      = regexp.MustCompile(`MQTT-\d+\.\d+\.\d+-\d+|(?:3\.1\.1|5\.0)/[0-9.]+/[a-z0-9-]+`)
	slug       = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

func TestEveryEntryIsComplete(t *testing.T) {
	for _, half := range halves {
		seen := map[string]bool{}
		for _, r := range slices.Concat(half.numbered, half.unnumbered) {
			if seen[r.ID] {
				t.Errorf("%s %s is there twice", half.version, r.ID)
			}
			seen[r.ID] = true
			if r.Version != half.version {
				t.Errorf("%s stands among the statements of %s with version %s", r.ID, half.version, r.Version)
			}
			if !slices.Contains([]Level{Must, Should}, r.Level) {
				t.Errorf("%s %s: level %q", half.version, r.ID, r.Level)
			}
			if !slices.Contains([]Party{Server, Client, Both}, r.Binds) {
				t.Errorf("%s %s: binds %q", half.version, r.ID, r.Binds)
			}
			if length := len([]rune(r.Summary)); length < 10 || length > 120 {
				t.Errorf("%s %s: a summary of %d characters", half.version, r.ID, length)
			}
			for _, text := range []string{r.Summary, r.Untested} {
				if text != strings.Join(strings.Fields(text), " ") {
					t.Errorf("%s %s: untidy spaces in %q", half.version, r.ID, text)
				}
			}
			if strings.HasSuffix(r.Summary, ".") || strings.ToUpper(r.Summary[:1]) != r.Summary[:1] {
				t.Errorf("%s %s: a summary takes a capital and no full stop", half.version, r.ID)
			}
			if r.Untested != "" && !strings.HasSuffix(r.Untested, ".") {
				t.Errorf("%s %s: the reason for no check is not a sentence: %q", half.version, r.ID, r.Untested)
			}
			for _, id := range anyID.FindAllString(r.Untested, -1) {
				if _, ok := Lookup(half.version, id); !ok {
					t.Errorf("%s %s points at %s, which does not exist", half.version, r.ID, id)
				}
			}
			heading, ok := sections[half.version][r.Section]
			if !ok || heading.title == "" || heading.anchor == "" {
				t.Errorf("%s %s: section %q has no heading", half.version, r.ID, r.Section)
			}
		}
	}
}

func TestIDsSayWhereTheyStand(t *testing.T) {
	for _, half := range halves {
		for _, r := range half.numbered {
			if !numberedID.MatchString(r.ID) {
				t.Errorf("%s %s is no statement number", half.version, r.ID)
			}
		}
		for _, r := range half.unnumbered {
			name, ok := strings.CutPrefix(r.ID, half.version.String()+"/"+r.Section+"/")
			if !ok || !slug.MatchString(name) {
				t.Errorf("%s is not %s/%s/slug", r.ID, half.version, r.Section)
			}
		}
		bySection := func(a, b Requirement) int { return CompareSections(a.Section, b.Section) }
		if !slices.IsSortedFunc(half.unnumbered, bySection) {
			t.Errorf("the unnumbered statements of %s are out of order", half.version)
		}
	}
}

func TestSentencesLeadToStatements(t *testing.T) {
	for _, half := range halves {
		for _, o := range half.own {
			if _, ok := Lookup(half.version, o.ID); !ok {
				t.Errorf("%s %q leads to %s, which does not exist", o.Section, o.Excerpt, o.ID)
			}
		}
		for _, s := range half.restated {
			if strings.TrimSpace(s.Because) == "" {
				t.Errorf("%s %q: no reason", s.Section, s.Excerpt)
			}
			for _, id := range anyID.FindAllString(s.Because, -1) {
				if _, ok := Lookup(half.version, id); !ok {
					t.Errorf("%s %q restates %s, which does not exist", s.Section, s.Excerpt, id)
				}
			}
		}
	}
}

func TestAllIsStableAndComplete(t *testing.T) {
	all := All()
	if want := len(v311) + len(unnumbered311) + len(v5) + len(unnumbered5); len(all) != want {
		t.Fatalf("All has %d entries, not %d", len(all), want)
	}
	for i, r := range slices.Concat(v311, unnumbered311, v5, unnumbered5) {
		if all[i] != r {
			t.Fatalf("entry %d is %s, not %s", i, all[i].ID, r.ID)
		}
	}
	if Of(codec.Version(3)) != nil {
		t.Error("there is a catalogue of a version that we do not speak")
	}
}

func TestLookup(t *testing.T) {
	r, ok := Lookup(codec.V311, "MQTT-3.1.2-24")
	if !ok || r.Version != codec.V311 || r.Section != "3.1.2.10" {
		t.Errorf("found %+v", r)
	}
	if _, ok := Lookup(codec.V311, "MQTT-9.9.9-9"); ok {
		t.Error("found what does not exist")
	}
	if got := Find("MQTT-9.9.9-9"); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	if got := Find("3.1.1/3.1.4/connect-timeout"); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

func TestFindKnowsBothVersions(t *testing.T) {
	got := Find("MQTT-3.1.0-1")
	if len(got) != 2 || got[0].Version != codec.V311 || got[1].Version != codec.V5 {
		t.Errorf("found %v", got)
	}
}

func TestTitleAndLink(t *testing.T) {
	r, _ := Lookup(codec.V311, "MQTT-3.1.2-24")
	if got := r.SectionTitle(); got != "Keep Alive" {
		t.Errorf("title %q", got)
	}
	if got, want := r.Link(), "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Keep_Alive"; got != want {
		t.Errorf("link %q", got)
	}
	five := Requirement{Version: codec.V5, Section: "4.9"}
	if got, want := five.Link(), "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Flow_Control"; got != want {
		t.Errorf("link %q", got)
	}
}

func TestCompareSections(t *testing.T) {
	inOrder := []string{"1.5.3", "2.3.1", "3.1", "3.1.2", "3.1.2.4", "3.1.2.10", "3.1.2.11.2", "3.2", "3.10", "3.10.1", "4", "10", "A"}
	shuffled := slices.Clone(inOrder)
	slices.Sort(shuffled)
	slices.SortFunc(shuffled, CompareSections)
	if !slices.Equal(shuffled, inOrder) {
		t.Errorf("sorted to %v", shuffled)
	}
	if CompareSections("3.2", "3.2") != 0 {
		t.Error("3.2 differs from itself")
	}
}

// The tests below hold the catalogue against the tables made from the
// specifications, where those lie beside the repository.

func TestNumberedStatementsAreTheSpecifications(t *testing.T) {
	for _, half := range halves {
		rows := readTable(t, "statements-"+half.version.String()+".tsv")
		if len(rows) != half.count {
			t.Errorf("the table of %s has %d statements, not %d", half.version, len(rows), half.count)
		}
		if len(half.numbered) != len(rows) {
			t.Errorf("%s has %d numbered statements, not %d", half.version, len(half.numbered), len(rows))
			continue
		}
		for i, row := range rows {
			id, section := row[0], row[1]
			if r := half.numbered[i]; r.ID != id || r.Section != section {
				t.Errorf("%s entry %d is %s in section %s, not %s in %s", half.version, i, r.ID, r.Section, id, section)
			}
		}
	}
}

func TestSummariesAreOurOwnWords(t *testing.T) {
	const most = 8 // consecutive words shared with the specification
	for _, half := range halves {
		v := half.version.String()
		spec := " " + strings.Join([]string{
			words(readSpec(t, "mqtt-v"+v+"-os.txt")),
			words(readSpec(t, "statements-"+v+".tsv")),
			words(readSpec(t, "unnumbered-"+v+".tsv")),
		}, " | ") + " "
		for _, r := range slices.Concat(half.numbered, half.unnumbered) {
			summary := strings.Fields(words(r.Summary))
			for i := 0; i+most < len(summary); i++ {
				if run := strings.Join(summary[i:i+most+1], " "); strings.Contains(spec, " "+run+" ") {
					t.Errorf("%s %s copies %q", v, r.ID, run)
				}
			}
		}
	}
}

func TestEveryUnnumberedSentenceIsAccountedFor(t *testing.T) {
	for _, half := range halves {
		v := half.version.String()
		rows := readTable(t, "unnumbered-"+v+".tsv")
		spec := words(readSpec(t, "mqtt-v"+v+"-os.txt"))

		accounted := map[string]bool{}
		account := func(section, excerpt string, mayBeMissing bool) {
			if n := len(strings.Fields(excerpt)); n == 0 || n > 9 {
				t.Errorf("%s %s: an excerpt of %d words: %q", v, section, n, excerpt)
			}
			var matches []string
			for _, row := range rows {
				if sentence := row[3]; row[0] == section && strings.Contains(cased(sentence), cased(excerpt)) {
					matches = append(matches, sentence)
					accounted[section+" "+sentence] = true
				}
			}
			slices.Sort(matches)
			matches = slices.Compact(matches)
			switch {
			case len(matches) > 1:
				t.Errorf("%s %s: %q fits %d sentences", v, section, excerpt, len(matches))
			case len(matches) == 0 && !mayBeMissing:
				t.Errorf("%s %s: %q fits no sentence", v, section, excerpt)
			case len(matches) == 0 && !strings.Contains(spec, words(excerpt)):
				t.Errorf("%s %s: %q is nowhere in the specification", v, section, excerpt)
			}
		}
		for _, o := range half.own {
			account(o.Section, o.Excerpt, true) // an ID may rest on a sentence that the table lacks
		}
		for _, s := range half.restated {
			account(s.Section, s.Excerpt, false)
		}
		for _, row := range rows {
			if !accounted[row[0]+" "+row[3]] {
				t.Errorf("%s %s: nobody accounts for: %s", v, row[0], row[3])
			}
		}
	}
}

func TestHeadingsAreTheSpecifications(t *testing.T) {
	for _, half := range halves {
		v := half.version.String()
		var headings [][]string // section, title, anchor
		for _, row := range readTable(t, "statements-"+v+".tsv") {
			headings = append(headings, row[1:4])
		}
		for _, row := range readTable(t, "unnumbered-"+v+".tsv") {
			headings = append(headings, row[:3])
		}
		for _, h := range headings {
			if h[0] == "1.2" { // the key words, which bind nobody
				continue
			}
			got, ok := sections[half.version][h[0]]
			if !ok || words(got.title) != words(h[1]) {
				t.Errorf("%s %s is called %q, not %q", v, h[0], got.title, h[1])
			}
			if got.anchor == "" || !strings.HasPrefix(got.anchor, h[2]) {
				t.Errorf("%s %s has the anchor %q, which does not begin with %q", v, h[0], got.anchor, h[2])
			}
		}
	}
}

// readTable is a table of shared/spec without its header.
func readTable(t *testing.T, name string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(readSpec(t, name)) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\r\n"), "\t"))
	}
	return rows[1:]
}

// readSpec is a file of shared/spec, which lies in some folder above this one;
// without it the test is skipped.
func readSpec(t *testing.T, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(folder, "shared", "spec", name))
		if err == nil {
			return string(text)
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Skipf("no folder above this one holds shared/spec/%s", name)
		}
		folder = parent
	}
}

var notWord = regexp.MustCompile(`[^\pL\pN]+`)

// words is a text in lower case with its words one space apart.
func words(text string) string {
	return strings.ToLower(cased(text))
}

// cased is a text with its words one space apart.
func cased(text string) string {
	return strings.TrimSpace(notWord.ReplaceAllString(text, " "))
}
