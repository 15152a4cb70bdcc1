package runner

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
	"mqttspec/reports"
)

// Options say how to test a broker. The zero value is a good choice.
type Options struct {
	// Versions are the protocol versions to test; nil means all that the broker accepts.
	Versions  []codec.Version
	Selection Selection
	// Shard is the part of the selection to run.
	Shard Shard
	// Parallel is how many checks run at the same time; 0 means [DefaultParallel].
	Parallel int
	// Timeout bounds every wait for the broker; 0 means [DefaultTimeout]. On a
	// slow connection it is raised to what the probe measured.
	Timeout time.Duration
	// Patience is how long a duty without a set time has, in the second hearing; 0
	// means [DefaultPatience].
	Patience time.Duration
	// Settle is waited after a fence before silence is believed; for clusters.
	Settle time.Duration
	// TopicPrefix is the topic under which the run stays; "" means [DefaultTopicPrefix].
	TopicPrefix string

	// Capture records the run's connections; nil records none.
	Capture wire.Recorder

	// Planned is told, before the first check runs, how many there are, and the
	// results as far as they are known then.
	Planned func(total int, r *reports.Results)
	// Done is told of every check as it ends, one at a time.
	Done func(reports.Check)
	// Carry carries the run out; nil means to just wait for it. Package specs
	// has one that makes every check a Ginkgo spec.
	Carry func(*Run)
}

// What Options mean where they say nothing.
const (
	DefaultParallel    = 64
	DefaultTimeout     = times.Timeout
	DefaultPatience    = times.Patience
	DefaultTopicPrefix = "mqttspec"
)

// Test probes a broker, runs the checks that apply to it and returns what came
// of them. The results are never nil: a broker that cannot be reached or a run
// that was interrupted says so in their Problem. The error is about the options.
func (s *Suite) Test(ctx context.Context, target *harness.Target, o Options) (*reports.Results, error) {
	settings := o.Settings()
	r := &reports.Results{
		Schema: reports.Schema, Tool: reports.Tool{Name: "mqttspec", Version: Version()},
		Started: time.Now().UTC(),
		Target:  reports.Target{Name: target.Name, URL: target.URL, Software: target.Software},
		Profile: reports.Profile{},
	}
	if target.Insecure {
		r.Target.Remarks = append(r.Target.Remarks, "the broker's certificate was NOT verified (insecure): anybody could have answered in its place")
	}
	defer func() {
		r.DurationMS = milliseconds(time.Since(r.Started))
		hideSecrets(r, target.Secrets())
	}()
	if _, err := s.compile(o.Selection); err != nil {
		r.Problem = err.Error()
		return r, err
	}

	probed, err := o.probe(ctx, target, &settings, r)
	if err == nil {
		err = preflight(ctx, probed, settings)
	}
	r.Settings = o.reported(settings)
	if ctx.Err() != nil {
		err = fmt.Errorf("the run was interrupted: %w", context.Cause(ctx))
	}
	if err != nil {
		r.Problem = err.Error()
		reports.Summarise(r)
		return r, nil
	}
	if r.Target.Software == "" && probed[0].Profile.Answer == harness.Accepts {
		r.Target.Software = harness.Software(ctx, probed[0].Target, probed[0].Profile, settings)
	}
	items, err := s.Plan(probed, o.Selection)
	if err != nil {
		r.Problem = err.Error()
		return r, err
	}
	items = o.Shard.of(items)
	run := s.NewRun(settings, o.parallel(), items)
	run.Patience = o.patience()
	if o.Done != nil {
		run.Done = o.Done
	}
	if o.Planned != nil {
		o.Planned(len(items), r)
	}
	run.Start(ctx)
	if o.Carry != nil {
		o.Carry(run)
	}
	r.Checks = run.Checks()
	r.Conditions, r.Problem = append(r.Conditions, run.conditions()...), run.problem()
	r.Requirements = s.Requirements(accepted(probed))
	if o.Selection.String() == "" && o.Shard == (Shard{}) {
		r.Durability = s.Durability(ctx, probed, settings)
	}
	if ctx.Err() != nil {
		r.Problem = "the run was interrupted: " + context.Cause(ctx).Error()
	}
	reports.Summarise(r)
	return r, nil
}

// probe asks the broker, and its instances, for every version, all at the same
// time; r gets its profile, the versions to test, those that are dropped, and what
// a reader must know first. The error says why nothing can be tested.
func (o Options) probe(ctx context.Context, target *harness.Target, settings *harness.Settings, r *reports.Results) ([]Probed, error) {
	wanted := o.Versions
	if wanted == nil {
		wanted = []codec.Version{V311, V5}
	}
	all, err := Probe(ctx, target, *settings, wanted)
	if err != nil {
		return nil, err
	}
	var probed []Probed
	var refusals []string
	for _, p := range all {
		name := p.Profile.Version.String()
		if p.Target != target {
			name += " " + p.Target.Name
		}
		r.Profile[name] = p.Profile.Declared()
		if !p.Profile.Accepted {
			refusals = append(refusals, fmt.Sprintf("MQTT %s: %s", name, p.Profile.Refusal))
			continue
		}
		probed = append(probed, p)
		settings.RoundTrip = max(settings.RoundTrip, p.Profile.RoundTrip)
	}
	if len(probed) == 0 {
		return nil, fmt.Errorf("the broker at %s accepts no connection: %s", target.URL, strings.Join(refusals, "; "))
	}
	for _, v := range accepted(probed) {
		r.MQTT = append(r.MQTT, v.String())
	}
	if o.Versions != nil && len(r.MQTT) < len(wanted) {
		return nil, fmt.Errorf("the broker at %s does not accept a version that was asked for: %s", target.URL, strings.Join(refusals, "; "))
	}
	r.Dropped, r.Conditions = dropped(all, r.MQTT)
	if slow := pace(settings, probed); slow != "" {
		r.Conditions = append(r.Conditions, slow)
	}
	return probed, nil
}

// Probe asks a broker, and its instances, for versions, all at the same time. The
// answers come in the order of [harness.Target.All] and of the versions.
//
// A version on which an answer is silence, or of another protocol, is accepted
// all the same where another shows that this is an MQTT broker: it was not refused.
func Probe(ctx context.Context, target *harness.Target, settings harness.Settings, versions []codec.Version) ([]Probed, error) {
	brokers := target.All()
	probed := make([]Probed, len(brokers)*len(versions))
	errs := make([]error, len(probed))
	var group sync.WaitGroup
	for i := range probed {
		broker, v := brokers[i/len(versions)], versions[i%len(versions)]
		group.Go(func() {
			profile, err := harness.Probe(ctx, broker, settings, v)
			probed[i] = Probed{broker, profile}
			if err != nil {
				errs[i] = fmt.Errorf("the broker at %s cannot be reached: %w", broker.URL, err)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err // one is enough: most often they are all the same
		}
	}
	for of := range slices.Chunk(probed, len(versions)) {
		if slices.ContainsFunc(of, func(p Probed) bool { return p.Profile.SpeaksMQTT }) {
			for _, p := range of {
				p.Profile.Accepted = p.Profile.Accepted || p.Profile.Answer == harness.NoConnack
			}
		}
	}
	return probed, nil
}

// preflight looks at every broker on several connections, all at the same time. The
// error says that they do not reach one and the same.
func preflight(ctx context.Context, probed []Probed, settings harness.Settings) error {
	errs := make([]error, len(probed))
	var group sync.WaitGroup
	for i, p := range probed {
		another := slices.ContainsFunc(probed[i+1:], func(q Probed) bool { return q.Target == p.Target && q.Profile.Answer == harness.Accepts })
		if another || p.Profile.Answer != harness.Accepts {
			continue // one version will do
		}
		group.Go(func() {
			if how := harness.Preflight(ctx, p.Target, p.Profile, settings); how != "" {
				errs[i] = fmt.Errorf("the connections to %s do not reach one and the same broker: %s; if a load balancer stands in front of brokers that share nothing, give the address of one of them; if they are a cluster, give with --settle the time that its nodes need to learn of each other's clients", p.Target.URL, how)
			}
		})
	}
	group.Wait()
	return cmp.Or(errs...)
}

// dropped are the versions that are not tested, each with the reason; an instance
// that lets nobody in on a version that is tested is a condition of the run.
func dropped(all []Probed, tested []string) (versions []reports.Dropped, conditions []string) {
	for _, p := range all {
		v := p.Profile.Version.String()
		switch isTested := slices.Contains(tested, v); {
		case p.Profile.Accepted:
		case isTested:
			conditions = append(conditions, fmt.Sprintf("%s lets nobody in with MQTT %s, so that what needs it was not tested: %s", p.Target.Name, v, p.Profile.Refusal))
		case p.Target == all[0].Target:
			versions = append(versions, reports.Dropped{MQTT: v, Reason: p.Profile.Refusal, Refused: p.Profile.Answer == harness.RefusesVersion})
		}
	}
	return versions, conditions
}

// pace makes the waits of a run as long as the broker takes to answer, and says so
// where that is notably slow.
func pace(settings *harness.Settings, probed []Probed) (slow string) {
	var slowest time.Duration
	for _, p := range probed {
		slowest = max(slowest, p.Profile.Slowest)
	}
	settings.Timeout = times.Patient(settings.Timeout, settings.RoundTrip)
	if slowest >= times.Slow {
		settings.Pace, settings.Timeout = slowest, times.Pace(settings.Timeout, slowest)
		slow = fmt.Sprintf("the broker takes up to %s to answer, so that the run waits up to %s for each answer", inTenths(slowest), inTenths(settings.Timeout))
	}
	settings.CheckTimeout = times.Check(settings.Timeout)
	return slow
}

// inTenths is a duration in seconds for people.
func inTenths(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s" }

// accepted are the versions that were accepted, in order.
func accepted(probed []Probed) []codec.Version {
	var versions []codec.Version
	for _, p := range probed {
		versions = append(versions, p.Profile.Version)
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

func (o Options) patience() time.Duration {
	if o.Patience > 0 {
		return o.Patience
	}
	return DefaultPatience
}

func (o Options) parallel() int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return DefaultParallel
}

// Settings are the harness settings that the options mean, for a run of its own.
func (o Options) Settings() harness.Settings {
	s := harness.Settings{Timeout: o.Timeout, Settle: o.Settle, TopicPrefix: o.TopicPrefix, RunID: newRunID(), Capture: o.Capture}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	if s.TopicPrefix == "" {
		s.TopicPrefix = DefaultTopicPrefix
	}
	s.CheckTimeout = times.Check(s.Timeout)
	return s
}

func (o Options) reported(s harness.Settings) reports.Settings {
	return reports.Settings{
		TimeoutMS: milliseconds(s.Timeout), PatienceMS: milliseconds(o.patience()), SettleMS: milliseconds(s.Settle), RoundTripMS: milliseconds(s.RoundTrip),
		Parallel: o.parallel(), TopicPrefix: s.TopicPrefix, Selection: o.Selection.String(),
	}
}

// newRunID is 6 characters that no other run has.
func newRunID() string {
	return strings.ToLower(rand.Text()[:6])
}

// hideSecrets replaces secrets in what the broker or an error says outside of
// exchanges; package harness does that within.
func hideSecrets(r *reports.Results, secrets []string) {
	r.Problem = harness.Mask(r.Problem, secrets)
	r.Target.Software = harness.Mask(r.Target.Software, secrets)
	for i := range r.Dropped {
		r.Dropped[i].Reason = harness.Mask(r.Dropped[i].Reason, secrets)
	}
	for i := range r.Conditions {
		r.Conditions[i] = harness.Mask(r.Conditions[i], secrets)
	}
	for _, declared := range r.Profile {
		for name, value := range declared {
			if text, ok := value.(string); ok {
				declared[name] = harness.Mask(text, secrets)
			}
		}
	}
}
