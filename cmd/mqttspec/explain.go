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
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/catalogue"
	"mqttspec/suites/runner"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain STATEMENT|SLUG",
		Short: "Explain a statement of the specification or a check",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return explain(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
}

func explain(ctx context.Context, w io.Writer, name string) error {
	if found := catalogue.Find(name); len(found) > 0 {
		for i, r := range found {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := explainRequirement(ctx, w, r); err != nil {
				return err
			}
		}
		return nil
	}
	slug, _, _ := strings.Cut(name, "@")
	for _, d := range suites.All().Definitions() {
		if d.Slug != slug {
			continue
		}
		versions := d.Versions()
		explainCheck(w, d)
		for _, v := range versions {
			for _, r := range d.Requirements(v) {
				fmt.Fprintf(w, "  MQTT %s %s (%s): %s\n    %s\n", v, r.ID, r.Level, r.Summary, r.Link())
			}
		}
		return explainExchanges(ctx, w, versions[len(versions)-1], []*runner.Definition{d})
	}
	return fmt.Errorf("%q is neither a statement nor a check; `mqttspec list` names them all", name)
}

func explainRequirement(ctx context.Context, w io.Writer, r catalogue.Requirement) error {
	fmt.Fprintf(w, "%s, MQTT %s, section %s %s\n", r.ID, r.Version, r.Section, r.SectionTitle())
	fmt.Fprintf(w, "  %s\n  %s, binds %s\n  %s\n", r.Summary, r.Level, parties[r.Binds], r.Link())
	if r.Untested != "" {
		fmt.Fprintf(w, "  not tested: %s\n", r.Untested)
	}
	var deciding []*runner.Definition
	for _, d := range suites.All().Definitions() {
		if slices.Contains(d.Rules.Of(r.Version), r.ID) {
			deciding = append(deciding, d)
		}
	}
	for _, d := range deciding {
		fmt.Fprintln(w)
		explainCheck(w, d)
		if err := explainExchanges(ctx, w, r.Version, []*runner.Definition{d}); err != nil {
			return err
		}
	}
	return nil
}

// parties are the catalogue's words for people.
var parties = map[catalogue.Party]string{
	catalogue.Server: "the server", catalogue.Client: "the client", catalogue.Both: "client and server",
}

func explainCheck(w io.Writer, d *runner.Definition) {
	fmt.Fprintf(w, "check %s: the broker %s\n", d.Slug, d.Title)
	for _, need := range d.Needs {
		fmt.Fprintf(w, "  needs %s\n", need)
	}
	for _, f := range d.CaughtBy {
		fmt.Fprintf(w, "  proved by a broker that %s (fault %s)\n", f.Does, f.Name)
	}
}

// mostEvents is how much of an exchange explain shows: the first case of a long
// table says what the others are like.
const mostEvents = 40

// explainExchanges shows the checks' exchanges with the embedded broker.
func explainExchanges(ctx context.Context, w io.Writer, v codec.Version, definitions []*runner.Definition) error {
	broker, err := embedded.Start()
	if err != nil {
		return err
	}
	defer broker.Close()
	checks, err := suites.All().Demonstrate(ctx, broker.Target, v, definitions)
	if err != nil {
		return err
	}
	for _, c := range checks {
		if len(c.Exchange) == 0 {
			fmt.Fprintf(w, "  no exchange with the embedded broker to show: %s\n", reports.Printable(c.Reason))
			continue
		}
		fmt.Fprintf(w, "  its exchange with the embedded broker (MQTT %s, %s):\n", v, c.Outcome)
		for i, e := range c.Exchange {
			if i == mostEvents {
				fmt.Fprintf(w, "    … and %d events more\n", len(c.Exchange)-i)
				break
			}
			fmt.Fprintf(w, "    %s\n", inWords(e))
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
