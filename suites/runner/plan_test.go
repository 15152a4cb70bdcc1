package runner

import (
	"slices"
	"testing"
	"time"

	"mqttspec/harness"
)

// TestShards: the shards of a plan have every item exactly once, in the plan's
// order, and share the long ones.
func TestShards(t *testing.T) {
	var items []Item
	for i := range 23 {
		d := &Definition{Slug: string(rune('a' + i))}
		if i >= 20 {
			d.Takes = time.Second
		}
		items = append(items, Item{Definition: d, Version: V311})
	}
	seen := map[string]int{}
	for i := range 3 {
		long := 0
		part := Shard{i + 1, 3}.of(items)
		for _, item := range part {
			seen[item.Slug]++
			if item.Takes > 0 {
				long++
			}
		}
		if long != 1 {
			t.Errorf("shard %d has %d of the 3 long checks", i+1, long)
		}
		if !slices.IsSortedFunc(part, func(a, b Item) int { return int(a.Slug[0]) - int(b.Slug[0]) }) {
			t.Errorf("shard %d is out of order", i+1)
		}
	}
	for _, item := range items {
		if seen[item.Slug] != 1 {
			t.Errorf("%s is in %d shards", item.Slug, seen[item.Slug])
		}
	}
}

func TestParseShard(t *testing.T) {
	if s, err := ParseShard("2/5"); err != nil || s != (Shard{2, 5}) {
		t.Errorf("2/5: %v %v", s, err)
	}
	for _, bad := range []string{"0/5", "6/5", "1", "1/0", "1/2/3", "a/b", "-1/2", "1/2 "} {
		if _, err := ParseShard(bad); err == nil {
			t.Errorf("%q is taken for a shard", bad)
		}
	}
}

// TestPlanFindsTheInstance: a check goes to the first broker that has what it
// needs, and where none has, the item says what the first lacks.
func TestPlanFindsTheInstance(t *testing.T) {
	e := embeddedTarget(t)
	var probed []Probed
	for _, target := range e.All() {
		p, err := harness.Probe(t.Context(), target, Options{}.Settings(), V5)
		if err != nil {
			t.Fatal(err)
		}
		probed = append(probed, Probed{target, p})
	}
	for _, test := range []struct {
		need harness.Need
		want string
	}{
		{harness.Retain, "embedded"},
		{harness.NoRetain, "no-retain"},
		{harness.NoAtLeastOnce, "maximum-qos-0"},
	} {
		item := (&Definition{Needs: Needs{test.need}}).place(V5, probed)
		if item.Target.Name != test.want || item.Lacks != "" {
			t.Errorf("%s: on %s (lacks %q); want %s", test.need, item.Target.Name, item.Lacks, test.want)
		}
	}
	item := (&Definition{Needs: Needs{harness.NoRetain}}).place(V5, probed[:1])
	if item.Lacks == "" {
		t.Error("a plain broker is said to be one without retained messages")
	}
}
