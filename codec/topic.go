package codec

import "strings"

// sharePrefix starts the Topic Filter of a Shared Subscription (section 4.8.2
// of 5.0). In 3.1.1 it means nothing.
const sharePrefix = "$share/"

// wildcardIn is where the first wildcard character of a topic stands, or -1.
func wildcardIn(topic string) int { return strings.IndexAny(topic, "+#") }

// topicFilterFault finds what makes a Topic Filter invalid (section 4.7, and
// 4.8.2 of 5.0), with its place in the filter.
func topicFilterFault(v Version, filter string) (at int, broken rule, why string) {
	if filter == "" {
		return 0, ruleTopicEmpty, "empty Topic Filter"
	}
	base := 0
	if v == V5 && strings.HasPrefix(filter, sharePrefix) {
		rest := filter[len(sharePrefix):]
		base = len(sharePrefix)
		name, inner, found := strings.Cut(rest, "/")
		switch {
		case name == "":
			return base, ruleShareName, "empty ShareName"
		case wildcardIn(name) >= 0:
			return base + wildcardIn(name), ruleShareFilter, "wildcard in the ShareName"
		case !found:
			return len(filter), ruleShareFilter, `no "/" and Topic Filter after the ShareName`
		case inner == "":
			return len(filter), ruleShareFilter, "no Topic Filter after the ShareName"
		}
		base += len(name) + 1
		filter = inner
	}
	for i := range len(filter) {
		starts := i == 0 || filter[i-1] == '/'
		last := i == len(filter)-1
		switch {
		case filter[i] == '#' && !(starts && last):
			return base + i, ruleMultiLevel, `"#" is not alone on the last level`
		case filter[i] == '+' && !(starts && (last || filter[i+1] == '/')):
			return base + i, ruleSingleLevel, `"+" does not occupy a whole level`
		}
	}
	return 0, ruleNone, ""
}
