package reports

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestMergeShardsIsTheWhole(t *testing.T) {
	g := NewWithT(t)
	whole := fixture(1, 100)
	shard := func(n int) *Results {
		r := *whole
		r.Checks, r.Requirements = nil, append([]Requirement(nil), whole.Requirements...)
		for i, c := range whole.Checks {
			if i%3 == n {
				r.Checks = append(r.Checks, c)
			}
		}
		r.Settings.Selection = "shard"
		r.Started = whole.Started.Add(time.Duration(n) * time.Second)
		r.DurationMS = 5000
		Summarise(&r)
		return &r
	}
	m, err := Merge(shard(2), shard(0), shard(1))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Summary).To(Equal(whole.Summary))
	g.Expect(m.Settings.Selection).To(BeEmpty(), "nothing is missing any more")
	g.Expect(m.Started).To(Equal(whole.Started))
	g.Expect(m.DurationMS).To(Equal(7000.0))
	g.Expect(m.Checks).To(HaveLen(len(whole.Checks)))

	part, err := Merge(shard(0), shard(1))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(part.Settings.Selection).To(Equal("shard"))
	g.Expect(part.VerdictOn("5.0")).NotTo(Equal(Conformant))
}

func TestMergeInstancesKeepsWhatSaysMost(t *testing.T) {
	for _, c := range []struct{ a, b, want Outcome }{
		{Inapplicable, Pass, Pass}, {Pass, Inapplicable, Pass}, {Pass, Fail, Fail}, {Fail, Pass, Fail}, {Inapplicable, Inapplicable, Inapplicable}, {Blocked, Pass, Blocked},
	} {
		g := NewWithT(t)
		m, err := Merge(run(c.a), run(c.b))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(m.Checks).To(HaveLen(1))
		g.Expect(m.Checks[0].Outcome).To(Equal(c.want))
		g.Expect(m.Requirements).To(HaveLen(1))
		g.Expect(m.Requirements[0].Outcome).To(Equal(c.want))
	}
}

func TestMergeLeavesTheRunsAlone(t *testing.T) {
	g := NewWithT(t)
	a, b := fixture(1, 20), fixture(1, 20)
	b.MQTT, b.Profile = []string{"5.0"}, Profile{"6.0": {"x": 1}}
	b.Requirements = append(b.Requirements, Requirement{ID: "new", MQTT: "3.1.1", Section: "1.1"})
	a.Requirements[0].Checks = append(make([]string, 0, 10), a.Requirements[0].Checks...)
	before := fixture(1, 20)
	_, err := Merge(a, b)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Profile).To(Equal(before.Profile))
	g.Expect(a.Requirements).To(Equal(before.Requirements))
}

func TestMergeKnownFailures(t *testing.T) {
	g := NewWithT(t)
	e := KnownFailure{Check: "a", Broker: "*", Reason: "because"}
	stale, waived := run(Pass), run(Fail)
	known(e).Apply(stale, march)
	known(e).Apply(waived, march)
	g.Expect(stale.KnownFailures.Stale).To(HaveLen(1))
	m, err := Merge(stale, waived)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.KnownFailures.Stale).To(BeEmpty(), "it still fails on one instance")
	m, err = Merge(stale, stale)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.KnownFailures.Stale).To(HaveLen(1))
}

func TestMergeRefusesWhatDoesNotBelongTogether(t *testing.T) {
	g := NewWithT(t)
	_, err := Merge()
	g.Expect(err).To(MatchError(ContainSubstring("nothing to merge")))
	other := run(Pass)
	other.Target.Software = "another 2"
	_, err = Merge(run(Pass), other)
	g.Expect(err).To(MatchError("runs 1 and 2 are of different brokers: broker 1 and another 2"))
	other = run(Pass)
	other.Tool.Version = "9"
	_, err = Merge(run(Pass), other)
	g.Expect(err).To(MatchError(ContainSubstring("different versions of the tool")))
}

// What one of the runs has tested is not missing, what none has is; what a reader
// must know of any stays, and causes are worked out over all.
func TestMergeOfWhatIsMissing(t *testing.T) {
	g := NewWithT(t)
	a, b := run(Untried, Fail), run(Pass, Unsteady)
	a.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "left out by --mqtt", Refused: true}, {MQTT: "4", Reason: "CONNACK 0x01", Refused: true}}
	b.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "no CONNACK within 5s"}, {MQTT: "5.0", Reason: "no CONNACK within 5s"}}
	b.MQTT = nil
	a.Conditions, b.Conditions = []string{"slow"}, []string{"slow", "restarted"}
	m, err := Merge(a, b)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Dropped).To(Equal([]Dropped{{MQTT: "3.1.1", Reason: "no CONNACK within 5s"}, a.Dropped[1]}))
	g.Expect(m.Conditions).To(Equal([]string{"slow", "restarted"}))
	g.Expect(m.Checks[0].Outcome).To(Equal(Pass), "tried is more than untried")
	g.Expect(m.Checks[1].Cause).To(Equal("MQTT-1@5.0"))
	g.Expect(m.Summary.Causes).To(Equal(1))
}
