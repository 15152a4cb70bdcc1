package runner

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/wire"
	"mqttspec/reports"
)

// smallSuite is a suite of three checks, of which the second fails everywhere.
func smallSuite(t *testing.T) *Suite {
	t.Helper()
	pass, fail, lacking := good("passes"), good("fails"), good("lacking")
	pass.Body = func(x *harness.Exchange) { x.Connect(harness.Clean).WantPingresp() }
	fail.Body = func(x *harness.Exchange) { x.Failf("something else", "this broker") }
	lacking.Rules, lacking.Needs = Rules{V5: "MQTT-3.2.2-1"}, Needs{harness.NoRetain}
	suite, err := New(Parts{
		Checks: []*Definition{pass, fail, lacking}, Steps: stepsTo("passes"),
		Durables: []Durable{{What: "nothing", Leave: func(x *harness.Exchange) func() {
			return func() { x.Failf("something kept", "nothing") }
		}}, {What: "everything", Leave: func(x *harness.Exchange) func() {
			return func() { x.Connect(harness.Clean).WantPingresp() }
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

// plain is the embedded broker without its instances.
func plain(t *testing.T) *harness.Target {
	t.Helper()
	target := *embeddedTarget(t)
	target.Instances = nil
	return &target
}

func outcomesOf(r *reports.Results) string {
	var all []string
	for _, c := range r.Checks {
		all = append(all, c.ID+" "+string(c.Outcome))
	}
	return strings.Join(all, ", ")
}

// TestWholeRun: a run has the outcome of every check, the statements they
// decide, and tells of both as it goes.
func TestWholeRun(t *testing.T) {
	var planned, done int
	r, err := smallSuite(t).Test(t.Context(), plain(t), Options{
		Planned: func(total int, _ *reports.Results) { planned = total },
		Done:    func(reports.Check) { done++ },
	})
	if err != nil || r.Problem != "" {
		t.Fatal(err, r.Problem)
	}
	const want = "passes@3.1.1 pass, fails@3.1.1 fail, passes@5.0 pass, fails@5.0 fail, lacking@5.0 inapplicable"
	if got := outcomesOf(r); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if planned != 5 || done != 5 || r.Summary.Verdict != reports.Nonconformant {
		t.Errorf("%d planned, %d done, %s", planned, done, r.Summary.Verdict)
	}
	i := slices.IndexFunc(r.Requirements, func(q reports.Requirement) bool { return q.ID == "MQTT-3.1.4-4" && q.MQTT == "3.1.1" })
	if q := r.Requirements[i]; !slices.Equal(q.Checks, []string{"passes@3.1.1", "fails@3.1.1"}) || q.Outcome != reports.Fail {
		t.Errorf("statement %+v", q)
	}
}

// TestPartOfARun: versions, selections and shards narrow a run down; what means
// nothing is an error.
func TestPartOfARun(t *testing.T) {
	suite, target := smallSuite(t), plain(t)
	for _, test := range []struct {
		name    string
		options Options
		want    string
		problem string
	}{
		{name: "one version", options: Options{Versions: []codec.Version{V311}}, want: "passes@3.1.1 pass, fails@3.1.1 fail"},
		{name: "a slug", options: Options{Selection: Selection{Names: []string{"passes"}}}, want: "passes@3.1.1 pass, passes@5.0 pass"},
		{name: "one version of a slug", options: Options{Selection: Selection{Names: []string{"passes@5.0"}}}, want: "passes@5.0 pass"},
		{name: "a statement", options: Options{Selection: Selection{Names: []string{"MQTT-3.2.2-1"}}}, want: "lacking@5.0 inapplicable"},
		{name: "a section", options: Options{Selection: Selection{Names: []string{"3.2"}}}, want: "lacking@5.0 inapplicable"},
		{name: "labels", options: Options{Selection: Selection{Labels: "5.0 && passes"}}, want: "passes@5.0 pass"},
		{name: "a shard", options: Options{Shard: Shard{1, 5}}, want: "passes@3.1.1 pass"},
		{name: "no label expression", options: Options{Selection: Selection{Labels: "&&"}}, problem: "is no label expression"},
		{name: "a name of nothing", options: Options{Selection: Selection{Names: []string{"pases"}}}, problem: `"pases" matches no check`},
		{name: "labels of nothing", options: Options{Selection: Selection{Labels: "3.1.1 && 5.0"}}, problem: "matches no check"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := suite.Test(t.Context(), target, test.options)
			if got := outcomesOf(r); got != test.want {
				t.Errorf("%s; want %s", got, test.want)
			}
			if (err != nil) != (test.problem != "") || !strings.Contains(r.Problem, test.problem) {
				t.Errorf("error %v, problem %q; want %q", err, r.Problem, test.problem)
			}
		})
	}
}

// TestUntestableBroker: results say in their problem why nothing was tested,
// and hold no secret.
func TestUntestableBroker(t *testing.T) {
	ports := new(wire.Ports)
	port, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := harness.ParseTarget("mqtt://user:hush@" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := smallSuite(t).Test(t.Context(), nobody, Options{})
	if err != nil || !strings.Contains(r.Problem, "cannot be reached") || len(r.Checks) > 0 {
		t.Errorf("%v; problem %q", err, r.Problem)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.Canceled)
	if r, _ := smallSuite(t).Test(ctx, plain(t), Options{}); !strings.Contains(r.Problem, "the run was interrupted") {
		t.Errorf("problem %q", r.Problem)
	}
}

// TestDemonstrate: a check can be shown on a broker.
func TestDemonstrate(t *testing.T) {
	suite := smallSuite(t)
	checks, err := suite.Demonstrate(t.Context(), plain(t), V5, []*Definition{suite.Lookup("passes")})
	if err != nil || len(checks) != 1 || checks[0].Outcome != reports.Pass || len(checks[0].Exchange) == 0 {
		t.Errorf("%v %+v", err, checks)
	}
}

// unharmed is a broker's life in which nothing is lost.
type unharmed struct{ restarts, kills int }

func (u *unharmed) Restart(context.Context) error { u.restarts++; return nil }
func (u *unharmed) Kill(context.Context) error    { u.kills++; return nil }
func (u *unharmed) CanKill() bool                 { return true }

// TestDurabilityGivesNoVerdict: what a broker keeps over a restart and a kill is
// reported beside the checks, for the broker and its durable instances.
func TestDurabilityGivesNoVerdict(t *testing.T) {
	target, life := plain(t), new(unharmed)
	target.Life = life
	fleeting := *target
	target.Instances = []*harness.Target{&fleeting}
	r, err := smallSuite(t).Test(t.Context(), target, Options{Versions: []codec.Version{V5}})
	if err != nil || r.Problem != "" {
		t.Fatal(err, r.Problem)
	}
	var found []string
	for _, d := range r.Durability {
		found = append(found, d.Event+" "+d.What+" "+map[bool]string{true: "kept", false: "lost"}[d.Kept])
	}
	want := []string{
		reports.AfterRestart + " nothing lost", reports.AfterRestart + " everything kept",
		reports.AfterKill + " nothing lost", reports.AfterKill + " everything kept",
	}
	if !slices.Equal(found, want) || life.restarts != 1 || life.kills != 1 {
		t.Errorf("%v after %d restarts and %d kills; want %v after one of each", found, life.restarts, life.kills, want)
	}
}
