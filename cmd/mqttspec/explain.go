package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mqttspec/suites"
	"mqttspec/suites/catalogue"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain STATEMENT|SLUG",
		Short: "Explain a statement of the specification or a check",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return explain(cmd.OutOrStdout(), args[0])
		},
	}
}

func explain(w io.Writer, name string) error {
	if found := catalogue.Find(name); len(found) > 0 {
		for i, r := range found {
			if i > 0 {
				fmt.Fprintln(w)
			}
			explainRequirement(w, r)
		}
		return nil
	}
	slug, _, _ := strings.Cut(name, "@")
	for _, d := range suites.Definitions() {
		if d.Slug == slug {
			explainCheck(w, d, "")
			for _, v := range d.Versions() {
				for _, r := range d.Requirements(v) {
					fmt.Fprintf(w, "  MQTT %s %s (%s): %s\n    %s\n", v, r.ID, r.Level, r.Summary, r.Link())
				}
			}
			return nil
		}
	}
	return fmt.Errorf("%q is neither a statement nor a check; `mqttspec list` names them all", name)
}

func explainRequirement(w io.Writer, r catalogue.Requirement) {
	fmt.Fprintf(w, "%s, MQTT %s, section %s %s\n", r.ID, r.Version, r.Section, r.SectionTitle())
	fmt.Fprintf(w, "  %s\n  %s, binds %s\n  %s\n", r.Summary, r.Level, parties[r.Binds], r.Link())
	decided := false
	for _, d := range suites.Definitions() {
		for _, id := range d.Rules.Of(r.Version) {
			if id == r.ID {
				decided = true
				fmt.Fprintln(w)
				explainCheck(w, d, "  ")
			}
		}
	}
	if !decided {
		reason := r.Untested
		if reason == "" {
			reason = "no check decides it yet"
		}
		fmt.Fprintf(w, "  not tested: %s\n", reason)
	}
}

// parties are the catalogue's words for people.
var parties = map[catalogue.Party]string{
	catalogue.Server: "the server", catalogue.Client: "the client", catalogue.Both: "client and server",
}

func explainCheck(w io.Writer, d *suites.Definition, indent string) {
	fmt.Fprintf(w, "%scheck %s: the broker %s\n", indent, d.Slug, d.Title)
	for _, need := range d.Needs {
		fmt.Fprintf(w, "%s  needs %s\n", indent, need)
	}
	for _, f := range d.CaughtBy {
		fmt.Fprintf(w, "%s  proved by a broker that %s (fault %s)\n", indent, f.Does, f.Name)
	}
}
