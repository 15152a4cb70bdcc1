package suites_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/times"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// How the fuzzed broker is run:
// go test ./suites -run FuzzedBroker -timeout 1h -args -fuzzed.seed 7 -fuzzed.for 10m
var (
	fuzzedSeed = flag.Uint64("fuzzed.seed", 0, "what the fuzzed broker's answers are made from; 0 is another each time")
	fuzzedFor  = flag.Duration("fuzzed.for", 8*time.Second, "how long the suite runs against the fuzzed broker")
)

// seed is what the answers are made from; the log says it.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := *fuzzedSeed
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-fuzzed.seed %d", seed)
	return seed
}

// TestFuzzedBroker: whatever a broker answers, a run ends when it is told to, and
// no check of it panics.
func TestFuzzedBroker(t *testing.T) {
	t.Parallel()
	target := bare(witnesses(t)[0].target)
	target.Dialer = fuzzed(t, fuzzer{often: 4}, seed(t), ofProbe, target.Dialer.Dial)
	ctx, cancel := context.WithTimeout(t.Context(), *fuzzedFor)
	defer cancel()

	r, err := suites.Test(ctx, target, suites.Options{Timeout: fuzzedTimeout, Patience: fuzzedTimeout})

	if err != nil {
		t.Fatal(err)
	}
	if end, _ := ctx.Deadline(); time.Since(end) > times.Timeout { // on a busy machine, too
		t.Errorf("the run ends %s after it was told to", time.Since(end))
	}
	if len(r.Checks) == 0 {
		t.Errorf("nothing was run: %s", r.Problem)
	}
	for _, c := range r.Checks {
		if strings.Contains(c.Reason, "panicked") {
			t.Errorf("%s: %s\n%s", c.ID, c.Reason, c.Observed)
		}
	}
}

// TestNoAnswerMakesACheckPanic takes the checks through one kind of wrong answer
// after the other: each is asked for itself, as only its own exchange matters.
func TestNoAnswerMakesACheckPanic(t *testing.T) {
	t.Parallel()
	items, err := suites.All().Plan(witnesses(t)[0].probed, runner.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	items = slices.DeleteFunc(items, func(i runner.Item) bool { return i.Alone || i.Lacks != "" })
	seed := seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	settings := suites.Options{Timeout: fuzzedTimeout}.Settings()
	settings.CheckTimeout, settings.KeepTraces = 10*fuzzedTimeout, true
	ctx, cancel := context.WithTimeout(t.Context(), *fuzzedFor)
	defer cancel()
	for ctx.Err() == nil {
		f := fuzzer{often: 2, only: answered[r.IntN(len(answered))], way: ways[r.IntN(len(ways))]}
		var group sync.WaitGroup
		slots := make(chan struct{}, modest)
		dials := map[*harness.Target]through{}
		for _, i := range r.Perm(len(items)) { // where the time ends, others are left out each time
			item := items[i]
			if ctx.Err() != nil {
				break
			}
			if dials[item.Target] == nil {
				dials[item.Target] = fuzzed(t, f, seed, 0, item.Target.Dialer.Dial)
			}
			target := *item.Target
			target.Dialer = dials[item.Target]
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				if stop := harness.Perform(ctx, &target, item.Profile, settings, item.Body); strings.Contains(worst(stop), "panicked") {
					t.Errorf("%s, with %s %v: %s", item.ID(), f.only, f.way, worst(stop))
				}
			})
		}
		group.Wait()
	}
}

// worst is what an exchange says of its end, or of that of a case that panicked.
func worst(e harness.Evidence) string {
	for _, c := range e.Cases {
		if strings.Contains(c.Stop.Reason, "panicked") {
			return c.Name + ": " + c.Stop.Reason + "\n" + c.Stop.Observed
		}
	}
	return e.Stop.Reason + "\n" + e.Stop.Observed
}

const (
	fuzzedTimeout = 300 * time.Millisecond
	// ofProbe are the connections of the probe, without which no check would run.
	ofProbe = 30
)

// fuzzed is how to dial a broker some of whose answers are not what they should
// be, but on the first so many connections.
func fuzzed(t *testing.T, f fuzzer, seed uint64, unfuzzed uint64, dial func(context.Context) (net.Conn, error)) through {
	var connections atomic.Uint64
	return served(t, func(near *net.TCPConn) {
		n := connections.Add(1)
		f := f // of its own
		f.Rand = rand.New(rand.NewPCG(seed, n))
		far, err := dial(context.Background())
		if err != nil {
			return
		}
		defer far.Close()
		go func() {
			_, _ = io.Copy(far, near)
			_ = far.(*net.TCPConn).CloseWrite()
		}()
		reader := codec.NewReader(codec.V5, far)
		for {
			raw, err := reader.Next()
			if err != nil {
				return
			}
			if n > unfuzzed {
				raw = f.fuzz(raw)
			}
			if _, err := near.Write(raw); err != nil {
				return
			}
		}
	})
}

// A fuzzer makes other packets of packets.
type fuzzer struct {
	*rand.Rand
	often int        // one in so many, and of CONNACK, with which all begins, fewer
	only  codec.Type // 0 is any
	way   way        // "" is any
}

// A way is a way in which a packet can be wrong.
type way string

var (
	ways     = []way{"cut", "emptied", "doubled", "with a byte changed", "with a field changed", "with a list changed"}
	answered = []codec.Type{codec.CONNACK, codec.PUBLISH, codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP, codec.SUBACK, codec.UNSUBACK, codec.PINGRESP, codec.DISCONNECT}
)

// fuzz leaves most packets as they are, for an exchange to get anywhere.
func (f fuzzer) fuzz(raw []byte) []byte {
	often := f.often
	of := codec.Type(raw[0] >> 4)
	if of == codec.CONNACK {
		often *= 4
	}
	if f.only != 0 && of != f.only || f.IntN(often) > 0 {
		return raw
	}
	way := f.way
	if way == "" {
		way = ways[f.IntN(len(ways))]
	}
	switch body := raw[2:]; way { // of a packet that is not long
	case "cut":
		if len(body) > 0 && len(body) < 128 {
			body = body[:f.IntN(len(body))]
			return append([]byte{raw[0], byte(len(body))}, body...)
		}
	case "emptied":
		return []byte{raw[0], 0}
	case "doubled":
		return append(raw, raw...)
	case "with a byte changed":
		if len(body) > 0 {
			changed := bytes.Clone(raw)
			changed[2+f.IntN(len(body))] = byte(f.IntN(256))
			return changed
		}
	default:
		for _, v := range []codec.Version{codec.V5, codec.V311} {
			p, err := codec.Decode(v, codec.Server, raw)
			if err != nil {
				continue
			}
			f.change(reflect.ValueOf(p).Elem(), way == "with a list changed")
			if changed, err := codec.Append(nil, v, p); err == nil {
				return changed
			}
		}
	}
	return raw
}

// change changes one of a struct's fields, or of those that are lists.
func (f fuzzer) change(of reflect.Value, lists bool) {
	var fields []reflect.Value
	if of.Kind() == reflect.Struct {
		for _, field := range of.Fields() {
			if !lists || field.Kind() == reflect.Slice {
				fields = append(fields, field)
			}
		}
	}
	if len(fields) == 0 {
		return
	}
	switch field := fields[f.IntN(len(fields))]; field.Kind() {
	case reflect.Bool:
		field.SetBool(!field.Bool())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		field.SetUint(f.Uint64() >> f.IntN(64))
	case reflect.String:
		field.SetString([]string{"", "x", field.String() + "/x", strings.Repeat("x", 300)}[f.IntN(4)])
	case reflect.Slice:
		switch n := field.Len(); f.IntN(4) {
		case 0:
			field.SetZero()
		case 1:
			field.SetLen(n / 2)
		case 2:
			field.Set(reflect.AppendSlice(field, field))
		default:
			if n > 0 {
				f.change(field.Index(f.IntN(n)), false)
			}
		}
	case reflect.Struct:
		f.change(field, false)
	}
}
