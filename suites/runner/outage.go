package runner

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/harness"
	"mqttspec/reports"
)

// What becomes of a verdict where the broker was not well while the check was
// heard. This part of the judge, too, reads only facts.

// inView is a verdict in view of what is known of the broker.
func (f facts) inView(v Verdict) Verdict {
	outage := f.found.Outage
	switch {
	case f.crowdedOut():
		return Verdict{
			Outcome: reports.Inapplicable, Events: v.Events, Cases: v.Cases,
			Reason: fmt.Sprintf("the check needs more connections than the broker takes at the same time (%d): %s", f.found.Limit, v.Reason),
		}
	case f.found.Crowded:
		v.unheard, v.missing = true, false
	case outage == nil:
	case outage.After == "":
		return f.leftBehind(v)
	case f.restarts:
	case !f.alone:
		v.unheard, v.missing = true, false
	default:
		return f.culprit(v)
	}
	return v
}

// crowdedOut says whether the check, though it was alone, needed more connections
// than the broker takes.
func (f facts) crowdedOut() bool {
	return f.alone && f.found.Crowded && f.found.Limit > 0 && f.evidence.NoConnection()
}

// culprit is the verdict on a check which, heard alone, has brought the broker
// down. That is no lesser thing where the check is about a SHOULD.
func (f facts) culprit(v Verdict) Verdict {
	reason := fmt.Sprintf("%s when this check ran alone", f.found.Outage)
	if !v.failed() {
		v.Expected, v.Observed, v.Broken, v.Kept = "the broker to go on serving its clients", reason, nil, nil
	}
	if own := ownReason(v); own != "" {
		reason += "; " + own
	}
	v.Outcome, v.Reason, v.BlockedBy, v.culprit, v.missing = reports.Fail, reason, "", true, false
	return v
}

// leftBehind is the verdict on a check that was under way, or to be heard, when
// the broker went for good: nothing tells who has stopped it. What passed has
// been seen.
func (f facts) leftBehind(v Verdict) Verdict {
	o := f.found.Outage
	switch {
	case f.unrun:
		v.Reason = "not run: " + said(o)
		return v
	case v.Outcome == reports.Pass && !v.missing:
		return v
	}
	reason := said(o)
	if slices.Contains(o.During, f.id) {
		reason += ", while this check ran"
	} else {
		reason += ", before this check could be heard again"
	}
	if own := ownReason(v); own != "" {
		reason += "; seen before: " + own
	}
	return Verdict{Outcome: reports.Blocked, Reason: reason, Expected: v.Expected, Observed: v.Observed, Cases: v.Cases, Events: v.Events}
}

// said tells of an outage after which the broker is not asked any more.
func said(o *harness.Outage) string {
	if o.Often {
		return fmt.Sprintf("%s as it did %d times: it is not asked any more", o, o.Number)
	}
	return o.Error() + " and did not come back"
}

// ownReason is what the exchange has shown by itself, if anything: not that it was
// cut short, or got no connection.
func ownReason(v Verdict) string {
	if v.Outcome == reports.Error {
		return ""
	}
	return v.Reason
}

// conditions are what a reader must know first of how the run went with regard to
// the broker's health.
func (r *Run) conditions() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.crowd; c != nil && c.Connections > 0 {
		all = append(all, fmt.Sprintf("the broker takes no more than %d connections at the same time (of one more: %s): the run went on with %d checks at a time", c.Connections, c.What, r.room.Size()))
	} else if c != nil {
		all = append(all, fmt.Sprintf("the broker did not bear %d checks at the same time (%s): the run went on with %d at a time", r.Parallel, c.What, r.room.Size()))
	}
	if r.strays > 0 {
		all = append(all, fmt.Sprintf("clients got messages that they had subscribed to nothing for, in %d places, the first %s: no check takes them for an answer", r.strays, r.firstStray))
	}
	for _, target := range r.targets {
		outages := r.health[target].Outages()
		if len(outages) == 0 {
			continue
		}
		first, last := outages[0], outages[len(outages)-1]
		said := first.Error()
		if len(r.targets) > 1 {
			said = target.Name + ": " + said
		}
		switch {
		case last.Often:
			said = fmt.Sprintf("%s %d times, and is not asked any more", said, len(outages))
		case len(outages) > 1:
			said = fmt.Sprintf("%s %d times", said, len(outages))
		}
		if first.After != "" {
			said += " (" + first.After + ")"
		}
		switch culprits := r.culprits[target]; {
		case last.After == "" && !last.Often && len(last.During) == 0:
			said += ", and did not come back"
		case last.After == "" && !last.Often:
			said += ", and did not come back from the last time, while these checks ran: " + strings.Join(last.During, ", ")
		case len(culprits) == 1:
			said += "; " + culprits[0] + " brings it down"
		case len(culprits) > 1:
			said += "; these bring it down: " + strings.Join(culprits, ", ")
		default:
			said += "; no check does it alone"
		}
		all = append(all, said)
	}
	return all
}

// problem says that a broker has gone for good, so that the run could not be
// finished; "" if none has.
func (r *Run) problem() string {
	for _, target := range r.targets {
		for _, o := range r.health[target].Outages() {
			if o.After == "" {
				return said(o)
			}
		}
	}
	return ""
}
