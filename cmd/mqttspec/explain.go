package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mqttspec/codec"
	"mqttspec/harness/broker/embedded"
	"mqttspec/harness/freedom"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/catalogue"
	"mqttspec/suites/runner"
)

func newExplain() *cobra.Command {
	exchange := false
	cmd := &cobra.Command{
		Use:   "explain STATEMENT|SLUG|SECTION",
		Short: "Explain a statement of the specification, a check or a section: where it, its faults and its freedoms stand",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return explain(cmd.Context(), cmd.OutOrStdout(), args[0], exchange)
		},
	}
	cmd.Flags().BoolVar(&exchange, "exchange", false, "run the check on the embedded broker and show its exchange; for one check, SLUG or SLUG@VERSION")
	return cmd
}

// explain tells of a statement or a check, and shows the exchange if asked to.
func explain(ctx context.Context, w io.Writer, name string, exchange bool) error {
	if found := catalogue.Find(name); len(found) > 0 {
		return explainStatement(ctx, w, found, exchange)
	}
	slug, version, _ := strings.Cut(name, "@")
	if d := suites.All().Lookup(slug); d != nil {
		for _, v := range slices.Backward(d.Versions()) {
			if version == "" || version == v.String() {
				return explainSlug(ctx, w, d, v, exchange)
			}
		}
	}
	if explainSection(w, name) {
		return nil
	}
	return fmt.Errorf("%q is neither a statement nor a check, nor a section with either; `mqttspec list` names them all", name)
}

// explainSection tells of the statements of a section, and of what it leaves open; it
// says whether there are any.
func explainSection(w io.Writer, section string) (any bool) {
	for _, v := range bothVersions {
		permissions := freedom.Of(v, section)
		requirements := slices.DeleteFunc(slices.Clone(catalogue.Of(v)), func(r catalogue.Requirement) bool {
			return r.Section != section && !strings.HasPrefix(r.Section, section+".")
		})
		if len(permissions)+len(requirements) == 0 {
			continue
		}
		if any {
			fmt.Fprintln(w)
		}
		any = true
		fmt.Fprintf(w, "Section %s of MQTT %s\n", section, v)
		for _, r := range requirements {
			fmt.Fprintf(w, "  %s, %s, binds %s\n    %s\n", r.ID, r.Level, parties[r.Binds], r.Summary)
		}
		explainPermissions(w, permissions)
	}
	return any
}

// explainPermissions tells of what a section leaves open, and of the freedoms that
// make use of that.
func explainPermissions(w io.Writer, permissions []freedom.Permission) {
	if len(permissions) == 0 {
		return
	}
	fmt.Fprintln(w, "\nLeft open")
	for _, p := range permissions {
		fmt.Fprintf(w, "  %s\n", p.Says)
		for _, f := range p.Freedoms() {
			fmt.Fprintf(w, "    freedom %s  %s\n      a broker that %s\n", f.Name, f.Where, f.Does)
		}
		if p.Because != "" {
			fmt.Fprintf(w, "    no freedom: %s\n", p.Because)
		}
	}
}

// explainStatement tells of what has this number in one version or both.
func explainStatement(ctx context.Context, w io.Writer, found []catalogue.Requirement, exchange bool) error {
	var deciding []*runner.Definition
	versions := map[*runner.Definition][]codec.Version{} // on which they decide it
	for _, d := range suites.All().Definitions() {
		for _, r := range found {
			if slices.Contains(d.Rules.Of(r.Version), r.ID) {
				versions[d] = append(versions[d], r.Version)
			}
		}
		if len(versions[d]) > 0 {
			deciding = append(deciding, d)
		}
	}
	if exchange && len(deciding) != 1 {
		return fmt.Errorf("--exchange shows the exchange of one check, and %d decide %s: `mqttspec explain %s` names them", len(deciding), found[0].ID, found[0].ID)
	}
	for _, r := range found {
		fmt.Fprintf(w, "%s, MQTT %s, section %s %s\n", r.ID, r.Version, r.Section, r.SectionTitle())
		fmt.Fprintf(w, "  %s\n  %s, binds %s\n  %s\n", r.Summary, r.Level, parties[r.Binds], r.Link())
		if r.Untested != "" {
			fmt.Fprintf(w, "  not tested: %s\n", r.Untested)
		}
	}
	if len(deciding) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nDecided by")
	for _, d := range deciding {
		explainCheck(w, d, versions[d])
	}
	explainFaults(w, deciding)
	for _, r := range found {
		explainPermissions(w, freedom.Of(r.Version, r.Section))
	}
	if exchange {
		v := versions[deciding[0]]
		return explainExchange(ctx, w, v[len(v)-1], deciding[0])
	}
	fmt.Fprintf(w, "\nThe exchange of a check: mqttspec explain %s --exchange\n", deciding[0].Slug)
	return nil
}

// explainSlug tells of a check; v is the version whose exchange is asked for.
func explainSlug(ctx context.Context, w io.Writer, d *runner.Definition, v codec.Version, exchange bool) error {
	fmt.Fprintln(w, "The check")
	explainCheck(w, d, d.Versions())
	fmt.Fprintln(w, "\nDecides")
	for _, v := range d.Versions() {
		for _, r := range d.Requirements(v) {
			fmt.Fprintf(w, "  %s, MQTT %s, %s\n    %s\n    %s\n", r.ID, v, r.Level, r.Summary, r.Link())
		}
	}
	explainFaults(w, []*runner.Definition{d})
	if exchange {
		return explainExchange(ctx, w, v, d)
	}
	fmt.Fprintf(w, "\nIts exchange: mqttspec explain %s --exchange\n", d.Slug)
	return nil
}

// parties are the catalogue's words for people.
var parties = map[catalogue.Party]string{
	catalogue.Server: "the server", catalogue.Client: "the client", catalogue.Both: "client and server",
}

func explainCheck(w io.Writer, d *runner.Definition, versions []codec.Version) {
	var on, faults []string
	for _, v := range versions {
		on = append(on, v.String())
	}
	for _, f := range d.CaughtBy {
		faults = append(faults, f.Name)
	}
	fmt.Fprintf(w, "  %s  %s  (MQTT %s)\n    the broker %s\n", d.Slug, d.Where, strings.Join(on, ", "), d.Title)
	if d.Why != "" {
		fmt.Fprintf(w, "    why: %s\n", d.Why)
	}
	for _, need := range d.Needs {
		fmt.Fprintf(w, "    needs %s\n", need)
	}
	fmt.Fprintf(w, "    catches %s\n", strings.Join(faults, ", "))
}

// explainFaults tells once of every fault that the checks catch.
func explainFaults(w io.Writer, definitions []*runner.Definition) {
	fmt.Fprintln(w, "\nProved by a broker that")
	told := map[string]bool{}
	for _, d := range definitions {
		for _, f := range d.CaughtBy {
			if !told[f.Name] {
				fmt.Fprintf(w, "  %s\n    fault %s  %s\n", f.Does, f.Name, f.Where)
			}
			told[f.Name] = true
		}
	}
}

// mostEvents is how much of an exchange explain shows: the first case of a long
// table says what the others are like.
const mostEvents = 40

// explainExchange shows a check's exchange with the embedded broker.
func explainExchange(ctx context.Context, w io.Writer, v codec.Version, d *runner.Definition) error {
	broker, err := embedded.Start()
	if err != nil {
		return err
	}
	defer broker.Close()
	checks, err := suites.All().Demonstrate(ctx, broker.Target, v, []*runner.Definition{d})
	if err != nil {
		return err
	}
	for _, c := range checks {
		if len(c.Exchange) == 0 {
			fmt.Fprintf(w, "\nNo exchange with the embedded broker to show: %s\n", reports.Printable(c.Reason))
			continue
		}
		fmt.Fprintf(w, "\nExchange with the embedded broker (MQTT %s, %s)\n", v, c.Outcome)
		for i, e := range c.Exchange {
			if i == mostEvents {
				fmt.Fprintf(w, "  … and %d events more\n", len(c.Exchange)-i)
				break
			}
			fmt.Fprintf(w, "  %s\n", inWords(e))
		}
	}
	return nil
}

// inWords is an event as a sentence.
func inWords(e reports.Event) string {
	packet := reports.Printable(e.Packet)
	switch {
	case e.Dir == ">":
		return e.Conn + " sends " + packet
	case e.Dir == "<":
		return "broker to " + e.Conn + ": " + packet
	case e.Conn != "":
		return e.Conn + ": " + packet
	}
	return packet
}
