package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mqttspec/codec"
	"mqttspec/reports"
	"mqttspec/suites"
)

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List every check and every statement it decides",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return listJSON(cmd.OutOrStdout())
			}
			return listText(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON: checks, and all statements with their checks or the reason why they have none")
	return cmd
}

// listed is a check as list --json shows it.
type listed struct {
	ID           string   `json:"id"`
	Slug         string   `json:"slug"`
	MQTT         string   `json:"mqtt"`
	Title        string   `json:"title"`
	Section      string   `json:"section"`
	Level        string   `json:"level"`
	Requirements []string `json:"requirements"`
	Needs        []string `json:"needs"`
	Faults       []string `json:"faults"`
	Where        string   `json:"where"`
}

var bothVersions = []codec.Version{codec.V311, codec.V5}

// checksOf lists the checks of one version.
func checksOf(v codec.Version) []listed {
	var all []listed
	for _, d := range suites.All().Definitions() {
		if len(d.Rules.Of(v)) == 0 {
			continue
		}
		l := listed{
			ID: d.ID(v), Slug: d.Slug, MQTT: v.String(), Title: d.Title, Section: d.Home(v).Section,
			Level: string(d.Level(v)), Requirements: d.Rules.Of(v), Needs: []string{}, Faults: []string{}, Where: d.Where,
		}
		for _, need := range d.Needs {
			l.Needs = append(l.Needs, string(need))
		}
		for _, f := range d.CaughtBy {
			l.Faults = append(l.Faults, f.Name)
		}
		all = append(all, l)
	}
	return all
}

func listJSON(w io.Writer) error {
	var out struct {
		Checks       []listed              `json:"checks"`
		Requirements []reports.Requirement `json:"requirements"`
	}
	for _, v := range bothVersions {
		out.Checks = append(out.Checks, checksOf(v)...)
	}
	out.Requirements = suites.All().Requirements(bothVersions)
	for i := range out.Requirements {
		out.Requirements[i].Outcome = reports.Untested
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(out)
}

func listText(w io.Writer) error {
	for _, v := range bothVersions {
		checks := checksOf(v)
		if _, err := fmt.Fprintf(w, "MQTT %s: %d checks\n", v, len(checks)); err != nil {
			return err
		}
		for _, c := range checks {
			if _, err := fmt.Fprintf(w, "  %-10s %-44s %s\n", c.Section, c.Slug, c.Title); err != nil {
				return err
			}
		}
	}
	return nil
}
