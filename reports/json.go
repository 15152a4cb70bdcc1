package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Write writes r as results JSON, schema 1. Lists are never null and counts
// name every outcome, so that a script need not guard against absence.
// Secrets in the command line and the target's URL are replaced. r itself is
// not changed; where it has no verdict yet, what is written is summarised.
func Write(w io.Writer, r *Results) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(normalised(r)); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// normalised is a copy of r in the form that Write promises.
func normalised(r *Results) *Results {
	n := *r
	n.Schema = Schema
	n.MQTT = list(r.MQTT)
	n.Command = Redact(r.Command)
	n.Target.URL = redactURL(r.Target.URL)
	if n.Profile == nil {
		n.Profile = Profile{}
	}
	n.Checks = list(slices.Clone(r.Checks))
	for i := range n.Checks {
		c := &n.Checks[i]
		c.Requirements, c.Exchange = list(c.Requirements), list(c.Exchange)
		if c.First != nil {
			first := *c.First
			first.Exchange = list(first.Exchange)
			c.First = &first
		}
	}
	n.Requirements = list(slices.Clone(r.Requirements))
	for i := range n.Requirements {
		n.Requirements[i].Checks = list(n.Requirements[i].Checks)
	}
	if n.Summary.Verdict == "" {
		Summarise(&n)
	}
	n.Summary.Checks = allCounts(n.Summary.Checks, Outcomes)
	n.Summary.Requirements = maps.Clone(n.Summary.Requirements)
	if n.Summary.Requirements == nil {
		n.Summary.Requirements = map[string]Counts{}
	}
	for version, counts := range n.Summary.Requirements {
		n.Summary.Requirements[version] = allCounts(counts, requirementOutcomes)
	}
	return &n
}

// list is s, or an empty list where s is nil.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func allCounts(counts Counts, outcomes []Outcome) Counts {
	all := make(Counts, len(outcomes))
	for _, o := range outcomes {
		all[o] = 0
	}
	maps.Copy(all, counts)
	return all
}

// A FormatError says why a file is not results this package reads: where the
// trouble is, what it is, and what to do about it.
type FormatError struct {
	Field  string // path of the JSON field, "checks[3].outcome"; empty when the file as a whole is meant
	Reason string
	Advice string
}

// Error is the complaint in one line.
func (e *FormatError) Error() string {
	var b strings.Builder
	b.WriteString("not readable as results: ")
	if e.Field != "" {
		fmt.Fprintf(&b, "field %q ", e.Field)
	}
	b.WriteString(e.Reason)
	if e.Advice != "" {
		b.WriteString("; " + e.Advice)
	}
	return b.String()
}

const (
	adviceRerun   = "run the broker again with --json to get a whole file"
	adviceMake    = "give a file that `mqttspec run --json FILE` wrote"
	adviceVersion = "use the mqttspec version that wrote it, or run the broker again with this one"
)

// ReadFile reads the results in the named file. Errors name the file.
func ReadFile(path string) (*Results, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, adviceMake)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: %w", path, &FormatError{Reason: "it is a directory", Advice: adviceMake})
	}
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Read reads results JSON. It knows schema 1 and takes fields it does not
// know for additions to it. Anything else is a *[FormatError]: a file cut
// short, another schema, a file of another kind, an outcome that does not
// exist, a check that stands there twice.
func Read(in io.Reader) (*Results, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &FormatError{Reason: "the file is empty", Advice: adviceMake}
	}
	if err := checkSchema(data); err != nil {
		return nil, err
	}
	var r Results
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, explain(data, err)
	}
	if err := validate(&r); err != nil {
		return nil, err
	}
	if r.Summary.Scope == "" { // written before there were causes
		nameCauses(&r)
		describe(&r)
	}
	return &r, nil
}

// checkSchema looks at the schema before anything else: of a file in another
// schema, no other complaint makes sense.
func checkSchema(data []byte) error {
	var head struct {
		Schema json.RawMessage `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return explain(data, err)
	}
	if head.Schema == nil {
		return &FormatError{Field: "schema", Reason: "is missing: this is JSON, but no results file", Advice: adviceMake}
	}
	schema, err := strconv.Atoi(string(head.Schema))
	switch {
	case err != nil:
		return &FormatError{Field: "schema", Reason: "is " + shown(string(head.Schema), 40) + ", not a number", Advice: adviceMake}
	case schema != Schema:
		return &FormatError{Field: "schema", Reason: fmt.Sprintf("is %d; this mqttspec reads %d", schema, Schema), Advice: adviceVersion}
	}
	return nil
}

// explain turns an error of encoding/json into one that says where and what
// to do.
func explain(data []byte, err error) error {
	var (
		mistyped *json.UnmarshalTypeError
		syntax   *json.SyntaxError
		moment   *time.ParseError
	)
	switch {
	case errors.As(err, &mistyped) && mistyped.Field == "":
		return &FormatError{Reason: "the file holds a JSON " + mistyped.Value + " where an object belongs", Advice: adviceMake}
	case errors.As(err, &mistyped):
		return &FormatError{Field: mistyped.Field, Reason: fmt.Sprintf("holds a %s where a %s belongs", mistyped.Value, kind(mistyped)), Advice: adviceMake}
	case errors.As(err, &moment):
		return &FormatError{Field: "started", Reason: "is no time in RFC 3339", Advice: adviceMake}
	case errors.As(err, &syntax):
		path, begun := lastPlace(data)
		subject := "the file "
		if path != "" {
			subject = "" // the field is
		}
		line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		switch {
		case !begun:
			return &FormatError{Reason: "the file is not JSON", Advice: adviceMake}
		case int(syntax.Offset) >= len(data):
			return &FormatError{Field: path, Reason: subject + fmt.Sprintf("is cut short: the file ends after %d bytes, in the middle of the results", len(data)), Advice: adviceRerun}
		default:
			return &FormatError{Field: path, Reason: subject + fmt.Sprintf("is followed by a syntax error on line %d: %s", line, syntax), Advice: adviceRerun}
		}
	}
	return &FormatError{Reason: err.Error(), Advice: adviceMake}
}

// kind names in JSON's words what a field should have held.
func kind(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "string":
		return "string"
	case "slice":
		return "list"
	case "struct", "map":
		return "object"
	}
	return "number"
}

// lastPlace walks broken JSON as far as it goes. path is the last field it
// came to, begun says whether the data starts as an object or a list at all.
func lastPlace(data []byte) (path string, begun bool) {
	type level struct {
		list  bool
		index int
		key   string
		isKey bool // the next string is a key
	}
	var stack []level
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		delim, isDelim := tok.(json.Delim)
		if isDelim && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 {
			top := &stack[n-1]
			switch {
			case top.list:
				top.index++
			case top.isKey:
				top.key, top.isKey = fmt.Sprint(tok), false
				continue
			default:
				top.isKey = true
			}
		}
		if isDelim {
			begun = true
			stack = append(stack, level{list: delim == '[', index: -1, isKey: delim == '{'})
		}
	}
	var b strings.Builder
	for _, l := range stack {
		switch {
		case l.list && l.index >= 0:
			fmt.Fprintf(&b, "[%d]", l.index)
		case !l.list && l.key != "":
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(shown(l.key, 40))
		}
	}
	return b.String(), begun
}

// validate holds r against what the schema promises beyond JSON types.
func validate(r *Results) error {
	if r.Checks == nil {
		return &FormatError{Field: "checks", Reason: "is missing", Advice: adviceMake}
	}
	if r.Requirements == nil {
		return &FormatError{Field: "requirements", Reason: "is missing", Advice: adviceMake}
	}
	if !slices.Contains([]Verdict{Conformant, Nonconformant, Incomplete}, r.Summary.Verdict) {
		return &FormatError{Field: "summary.verdict", Reason: fmt.Sprintf("is %q, which is no verdict", shown(string(r.Summary.Verdict), 40)), Advice: adviceVersion}
	}
	seen := make(map[string]int, len(r.Checks))
	for i, c := range r.Checks {
		at := func(field string) string { return fmt.Sprintf("checks[%d].%s", i, field) }
		if c.ID == "" || c.Slug == "" || c.MQTT == "" {
			return &FormatError{Field: at("id"), Reason: "is missing, or slug or mqtt beside it", Advice: adviceMake}
		}
		if first, twice := seen[c.ID]; twice {
			return &FormatError{Field: at("id"), Reason: fmt.Sprintf("is %q, which checks[%d] has too", shown(c.ID, 80), first), Advice: adviceRerun}
		}
		seen[c.ID] = i
		if !slices.Contains(Outcomes, c.Outcome) {
			return &FormatError{Field: at("outcome"), Reason: fmt.Sprintf("is %q, which is no outcome of a check", shown(string(c.Outcome), 40)), Advice: adviceVersion}
		}
		if err := validateExchange(at("exchange"), c.Exchange); err != nil {
			return err
		}
		if c.First == nil {
			continue
		}
		if !slices.Contains(Outcomes, c.First.Outcome) {
			return &FormatError{Field: at("first.outcome"), Reason: fmt.Sprintf("is %q, which is no outcome of a check", shown(string(c.First.Outcome), 40)), Advice: adviceVersion}
		}
		if err := validateExchange(at("first.exchange"), c.First.Exchange); err != nil {
			return err
		}
	}
	for i, q := range r.Requirements {
		at := func(field string) string { return fmt.Sprintf("requirements[%d].%s", i, field) }
		if q.ID == "" || q.MQTT == "" {
			return &FormatError{Field: at("id"), Reason: "is missing, or mqtt beside it", Advice: adviceMake}
		}
		if !slices.Contains(requirementOutcomes, q.Outcome) {
			return &FormatError{Field: at("outcome"), Reason: fmt.Sprintf("is %q, which is no outcome of a statement", shown(string(q.Outcome), 40)), Advice: adviceVersion}
		}
	}
	return nil
}

// validateExchange holds the exchange in the named field against the schema.
func validateExchange(field string, events []Event) error {
	for i, e := range events {
		if e.Dir != ">" && e.Dir != "<" && e.Dir != "." {
			return &FormatError{Field: fmt.Sprintf("%s[%d].dir", field, i), Reason: fmt.Sprintf("is %q, not >, < or a dot", shown(e.Dir, 40)), Advice: adviceVersion}
		}
	}
	return nil
}
