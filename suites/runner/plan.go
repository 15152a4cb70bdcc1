package runner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2/types"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/suites/catalogue"
)

// An Item is one check on one protocol version.
type Item struct {
	*Definition
	Version codec.Version
	// Target is the broker, or the instance of it, that the check runs on.
	Target  *harness.Target
	Profile *harness.Profile
	// Lacks says where the broker declares, or the target file says, that it lacks
	// what the check needs; then the check is inapplicable and does not run.
	Lacks string
	// Untried is what the check needs and the target does not give; then it does not
	// run either, and nothing is known of the broker.
	Untried harness.Need
}

// runs says whether there is a broker that the check can run on.
func (i Item) runs() bool { return i.Lacks == "" && i.Untried == "" }

// untried says what to add to the target for the check to run; "" where nothing is
// missing.
func (i Item) untried() string {
	if i.Untried == "" {
		return ""
	}
	return fmt.Sprintf("needs %s: %s", i.Untried, i.Untried.Advice())
}

// ID names the item: slug@version.
func (i Item) ID() string { return i.Definition.ID(i.Version) }

// Selection narrows a run down to some checks.
type Selection struct {
	// Names are slugs, slug@version, statement IDs or sections; an item that
	// fits any of them is in. Empty means all.
	Names []string
	// Labels is a Ginkgo label expression over the labels of [Item.Labels].
	Labels string
}

// String is the selection as a report shows it.
func (s Selection) String() string {
	parts := slices.Clone(s.Names)
	if s.Labels != "" {
		parts = append(parts, "labels: "+s.Labels)
	}
	return strings.Join(parts, ", ")
}

// Labels are what label expressions can name: the slug, the version, the
// level, the sections and the numbered statements.
func (i Item) Labels() []string {
	labels := []string{i.Slug, i.Version.String(), string(i.Level(i.Version))}
	for _, r := range i.Requirements(i.Version) {
		if !strings.Contains(r.ID, "/") {
			labels = append(labels, r.ID)
		}
		for section := r.Section; section != ""; {
			labels = append(labels, section)
			cut := strings.LastIndex(section, ".")
			if cut < 0 {
				break
			}
			section = section[:cut]
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// A Probed is a broker, or an instance of it, with what it declares on one
// protocol version that it accepts.
type Probed struct {
	Target  *harness.Target
	Profile *harness.Profile
}

// Plan lists the checks to run, in the order of reports, on the brokers that
// were probed: a check goes to the first that has what it needs.
func (s *Suite) Plan(probed []Probed, selection Selection) ([]Item, error) {
	fits, err := s.compile(selection)
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, v := range []codec.Version{V311, V5} {
		var brokers []Probed
		for _, p := range probed {
			if p.Profile.Version == v {
				brokers = append(brokers, p)
			}
		}
		if len(brokers) == 0 {
			continue
		}
		for _, d := range s.definitions {
			if item := d.place(v, brokers); slices.Contains(d.Versions(), v) && fits(item) {
				items = append(items, item)
			}
		}
	}
	if len(items) == 0 && len(probed) > 0 {
		return nil, fmt.Errorf("the selection %q matches no check; `mqttspec list` names them all", selection)
	}
	sortBySection(items)
	return items, nil
}

// place finds the first broker that has what the check needs; without one, the
// first on which it could be tried if only the target gave more, and at last the
// item says what the first broker lacks.
func (d *Definition) place(v codec.Version, brokers []Probed) Item {
	var items []Item
	for _, b := range brokers {
		items = append(items, d.on(v, b))
	}
	for _, i := range items {
		if i.runs() {
			return i
		}
	}
	for _, i := range items {
		if i.Untried != "" {
			return i
		}
	}
	if items == nil {
		return Item{}
	}
	return items[0]
}

// on is the check on this broker.
func (d *Definition) on(v codec.Version, b Probed) Item {
	item := Item{Definition: d, Version: v, Target: b.Target, Profile: b.Profile}
	for _, need := range d.Needs {
		if b.Profile.Untried(need) {
			if item.Untried == "" {
				item.Untried = need
			}
		} else if where, lacks := b.Profile.Lacks(need); lacks {
			item.Lacks, item.Untried = fmt.Sprintf("needs %s, which the broker does not offer (%s)", need, where), ""
			break
		}
	}
	return item
}

func sortBySection(items []Item) {
	slices.SortStableFunc(items, func(a, b Item) int {
		if a.Version != b.Version {
			return int(a.Version) - int(b.Version)
		}
		return catalogue.CompareSections(a.Home(a.Version).Section, b.Home(b.Version).Section)
	})
}

// compile checks the selection; every name in it must mean something.
func (suite *Suite) compile(s Selection) (func(Item) bool, error) {
	byLabel := func([]string) bool { return true }
	if s.Labels != "" {
		parsed, err := types.ParseLabelFilter(s.Labels)
		if err != nil {
			return nil, fmt.Errorf("filter %q is no label expression: use labels with &&, ||, ! and brackets, such as '5.0 && !SHOULD'", s.Labels)
		}
		byLabel = parsed
	}
	var unknown []error
	for _, name := range s.Names {
		if !slices.ContainsFunc(suite.definitions, func(d *Definition) bool {
			return slices.ContainsFunc(d.Versions(), func(v codec.Version) bool { return Item{Definition: d, Version: v}.named(name) })
		}) {
			unknown = append(unknown, fmt.Errorf("%q matches no check: it is no slug, statement ID or section that has one; `mqttspec list` names them all", name))
		}
	}
	return func(i Item) bool {
		named := len(s.Names) == 0 || slices.ContainsFunc(s.Names, i.named)
		return named && byLabel(i.Labels())
	}, errors.Join(unknown...)
}

// A Shard is one part of a run that is spread over several machines. The zero
// value is the whole run.
type Shard struct{ Index, Count int } // Index from 1 to Count

// ParseShard reads "2/5".
func ParseShard(s string) (Shard, error) {
	if s == "" {
		return Shard{}, nil
	}
	var shard Shard
	if n, err := fmt.Sscanf(s, "%d/%d", &shard.Index, &shard.Count); n != 2 || err != nil || fmt.Sprintf("%d/%d", shard.Index, shard.Count) != s ||
		shard.Count < 1 || shard.Index < 1 || shard.Index > shard.Count {
		return Shard{}, fmt.Errorf("shard %q: write I/N with I from 1 to N, such as 2/5", s)
	}
	return shard, nil
}

// of is the shard's part of a plan: the checks that wait are dealt out first,
// so that no shard gets all of them.
func (s Shard) of(items []Item) []Item {
	if s.Count <= 1 {
		return items
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(items[b].Takes - items[a].Takes) })
	mine := make([]bool, len(items))
	for n, i := range order {
		mine[i] = n%s.Count == s.Index-1
	}
	var part []Item
	for i, item := range items {
		if mine[i] {
			part = append(part, item)
		}
	}
	return part
}

// named says whether a slug, slug@version, statement ID or section means this item.
func (i Item) named(name string) bool {
	if name == i.Slug || name == i.ID() {
		return true
	}
	return slices.ContainsFunc(i.Requirements(i.Version), func(r catalogue.Requirement) bool {
		return r.ID == name || r.Section == name || strings.HasPrefix(r.Section, name+".")
	})
}
