package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mqttspec/codec"
	"mqttspec/harness/freedom"
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON: checks, all statements with their checks or the reason why they have none, and what the specification leaves open with the freedoms that use it")
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

// listedPermission is what a sentence leaves open, as list --json shows it.
type listedPermission struct {
	ID            string   `json:"id"`
	MQTT          string   `json:"mqtt"`
	Section       string   `json:"section"`
	Says          string   `json:"says"`
	Freedoms      []string `json:"freedoms"`
	UnusedBecause string   `json:"unused_because,omitempty"`
}

// listedFreedom is a broker that makes use of it.
type listedFreedom struct {
	Name      string   `json:"name"`
	Does      string   `json:"does"`
	MQTT      []string `json:"mqtt"`
	TakesAway string   `json:"takes_away,omitempty"`
	Leaves    string   `json:"leaves,omitempty"`
	Where     string   `json:"where"`
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
		Permissions  []listedPermission    `json:"permissions"`
		Freedoms     []listedFreedom       `json:"freedoms"`
	}
	for _, v := range bothVersions {
		out.Checks = append(out.Checks, checksOf(v)...)
		for _, p := range freedom.Permissions(v) {
			out.Permissions = append(out.Permissions, listedPermission{p.ID(), v.String(), p.Section, p.Says, append([]string{}, strings.Fields(p.By)...), p.Because})
		}
	}
	for _, f := range freedom.All() {
		l := listedFreedom{Name: f.Name, Does: f.Does, TakesAway: f.TakesAway, Leaves: f.Leaves, Where: f.Where}
		for _, v := range bothVersions {
			if f.In(v) {
				l.MQTT = append(l.MQTT, v.String())
			}
		}
		out.Freedoms = append(out.Freedoms, l)
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
