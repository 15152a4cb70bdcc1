package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// accused is a check that fails and accuses those of its statements that are named
// behind a bar: "A B|B"; without a bar it accuses all.
func accused(id, statements string) Check {
	slug, version, _ := strings.Cut(id, "@")
	all, broken, _ := strings.Cut(statements, "|")
	return Check{ID: id, Slug: slug, MQTT: version, Level: "MUST", Outcome: Fail, Requirements: strings.Fields(all), Broken: strings.Fields(broken)}
}

func blocked(id, by string) Check {
	c := accused(id, "X")
	c.Outcome, c.BlockedBy = Blocked, by
	return c
}

func TestCauses(t *testing.T) {
	seenIn := func(c Check, id string) Check { c.SeenIn = id; return c }
	with := func(c Check, o Outcome) Check { c.Outcome = o; return c }
	for _, c := range []struct {
		name   string
		checks []Check
		want   []string // the cause of each
		n      int
	}{
		{"one accusation", []Check{accused("a@5.0", "R S"), accused("b@5.0", "S R"), accused("c@5.0", "R")},
			[]string{"R@5.0, S@5.0", "R@5.0, S@5.0", "R@5.0"}, 2},
		{"what is broken counts, not what is decided", []Check{accused("a@5.0", "R S|S"), accused("b@5.0", "S T|S")}, []string{"S@5.0", "S@5.0"}, 1},
		{"one statement's ID says nothing over versions", []Check{accused("a@3.1.1", "R"), accused("b@5.0", "R")}, []string{"R@3.1.1", "R@5.0"}, 2},
		{"one check on both versions", []Check{accused("a@3.1.1", "R"), accused("a@5.0", "S"), accused("b@5.0", "S")},
			[]string{"R@3.1.1, S@5.0", "R@3.1.1, S@5.0", "R@3.1.1, S@5.0"}, 1},
		{"one check that accuses what corresponds", []Check{accused("a@3.1.1", "P Q|Q"), accused("a@5.0", "R S|S")}, []string{"Q@3.1.1, S@5.0", "Q@3.1.1, S@5.0"}, 1},
		{"one check that accuses different things", []Check{accused("a@3.1.1", "P Q|P"), accused("a@5.0", "R S|S")}, []string{"P@3.1.1", "S@5.0"}, 2},
		{"many statements are called by the check", []Check{accused("b@5.0", "P Q R S"), accused("a@5.0", "P Q R S")}, []string{"a", "a"}, 1},
		{"warnings and waived failures", []Check{with(accused("a@5.0", "R"), Warn), with(accused("b@5.0", "R"), Waived), with(accused("c@5.0", "S"), Waived)},
			[]string{"R@5.0", "R@5.0", "S@5.0"}, 2},
		{"nothing else has one", []Check{with(accused("a@5.0", "R"), Pass), with(accused("b@5.0", "R"), Unsteady), with(accused("c@5.0", "R"), Error)}, []string{"", "", ""}, 0},
		{"blocked by a failure", []Check{blocked("b@5.0", "a@5.0"), accused("a@5.0", "R")}, []string{"R@5.0", "R@5.0"}, 1},
		{"blocked by what is blocked", []Check{blocked("c@5.0", "b@5.0"), blocked("b@5.0", "a@5.0"), accused("a@5.0", "R")}, []string{"R@5.0", "R@5.0", "R@5.0"}, 1},
		{"blocked, and the failure was seen in it", []Check{blocked("b@5.0", ""), seenIn(accused("a@5.0", "R"), "b@5.0")}, []string{"R@5.0", "R@5.0"}, 1},
		{"blocked by an error", []Check{blocked("b@5.0", "a@5.0"), with(accused("a@5.0", "R"), Error)}, []string{"a", ""}, 0},
		{"blocked by what was not run", []Check{blocked("b@5.0", "z@5.0")}, []string{"z@5.0"}, 0},
		{"blocked in a circle", []Check{blocked("a@5.0", "b@5.0"), blocked("b@5.0", "a@5.0")}, []string{"a", "b"}, 0},
		{"no statement", []Check{accused("a@5.0", ""), accused("b@5.0", "")}, []string{"a", "b"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			r := &Results{MQTT: []string{"3.1.1", "5.0"}, Checks: c.checks}
			Summarise(r)
			var got []string
			for _, check := range r.Checks {
				got = append(got, check.Cause)
			}
			g.Expect(got).To(Equal(c.want))
			g.Expect(r.Summary.Causes).To(Equal(c.n))
		})
	}
}

// The worst comes first, then that which has most behind it; every check that is
// raised stands in one place.
func TestTroubles(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 250)
	var outcomes []Outcome
	seen := map[string]int{}
	for _, trouble := range troubles(r) {
		outcomes = append(outcomes, trouble.outcome)
		for _, x := range trouble.causes {
			for _, c := range append(x.checks, x.blocked...) {
				seen[c.ID]++
			}
		}
	}
	g.Expect(outcomes).To(Equal([]Outcome{Fail, Error, Warn, Blocked, Unsteady, Waived, Untried}))
	for _, c := range r.Checks {
		want := 0
		if !calm(c.Outcome) {
			want = 1
		}
		g.Expect(seen[c.ID]).To(Equal(want), c.ID)
	}
	first := troubles(r)[0]
	g.Expect(first.title()).To(Equal("6 causes, 9 failures"))
	g.Expect(first.causes[0].title()).To(Equal("MQTT-4.7.1-1@3.1.1, MQTT-4.7.1-1@5.0: 4 failures, 2 checks blocked by it"))
	g.Expect(first.causes[1].title()).To(BeEmpty(), "one check needs no other title")
}

// Results that were written before there were causes have them all the same.
func TestReadWorksOutWhatOldResultsLack(t *testing.T) {
	g := NewWithT(t)
	r := run(Pass, Fail, Fail, Untried)
	r.Target.URL = "mqtt://h:1"
	Summarise(r)
	want := r.Summary
	var b bytes.Buffer
	g.Expect(Write(&b, r)).To(Succeed())
	var old map[string]any
	g.Expect(json.Unmarshal(b.Bytes(), &old)).To(Succeed())
	summary := old["summary"].(map[string]any)
	delete(summary, "scope")
	delete(summary, "causes")
	for _, c := range old["checks"].([]any) {
		delete(c.(map[string]any), "cause")
	}
	data, err := json.Marshal(old)
	g.Expect(err).NotTo(HaveOccurred())

	read, err := Read(bytes.NewReader(data))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(read.Summary).To(Equal(want))
	g.Expect(read.Checks[1].Cause).To(Equal("MQTT-1@5.0"))
}
