package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// probeOptions are the flags of probe.
type probeOptions struct {
	targetOptions
	timeout time.Duration
	json    bool
}

func newProbe() *cobra.Command {
	o := &probeOptions{}
	cmd := &cobra.Command{
		Use:   "probe [TARGET] [-- COMMAND ARG...]",
		Short: "Show which protocol versions a broker accepts and what it declares",
		Args:  o.targetOptions.args,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	o.targetOptions.add(cmd.Flags())
	cmd.Flags().DurationVar(&o.timeout, "timeout", runner.DefaultTimeout, "bound of every wait for the broker")
	cmd.Flags().BoolVar(&o.json, "json", false, "as JSON")
	return cmd
}

func (o *probeOptions) run(ctx context.Context, w io.Writer) error {
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout %s: more than 0, such as 5s", o.timeout)
	}
	opened, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer opened.Close()
	target := *opened.Target
	target.Instances = nil
	probed, err := runner.Probe(ctx, &target, suites.Options{Timeout: o.timeout}.Settings(), bothVersions)
	if err != nil {
		return err
	}
	profile, untested := reports.Profile{}, map[string]string{}
	for _, p := range probed {
		v := p.Profile.Version.String()
		profile[v] = p.Profile.Declared()
		if !p.Profile.Accepted {
			untested[v] = "is not tested"
			if p.Profile.Answer == harness.RefusesVersion {
				untested[v] = "is refused"
			}
		}
	}
	if o.json {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", " ")
		return encoder.Encode(profile)
	}
	fmt.Fprintf(w, "%s\n", reports.Printable(opened.Target.URL))
	for _, v := range slices.Sorted(maps.Keys(profile)) {
		if why := untested[v]; why != "" {
			fmt.Fprintf(w, "MQTT %s %s: %s\n", v, why, reports.Printable(fmt.Sprint(profile[v]["refusal"])))
			continue
		}
		fmt.Fprintf(w, "MQTT %s\n", v)
		for _, name := range slices.Sorted(maps.Keys(profile[v])) {
			fmt.Fprintf(w, "  %-36s %s\n", name, reports.Printable(fmt.Sprint(profile[v][name])))
		}
	}
	if len(untested) == len(profile) {
		return fmt.Errorf("the broker at %s accepts no connection", target.URL)
	}
	return nil
}
