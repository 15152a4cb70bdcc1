package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mqttspec/harness"
	"mqttspec/harness/wire"
	"mqttspec/reports"
)

func newPcap() *cobra.Command {
	return &cobra.Command{
		Use:   "pcap RESULTS.json CHECK FILE",
		Short: "Write the exchange of one check, as the results hold it, as a packet capture",
		Long: `Write the exchange of one check, as the results hold it, as a packet capture for
Wireshark and tshark. Nothing is run again: ` + "`replay --pcap`" + ` does that. CHECK is a
slug@version, or a slug where the run has it on one version only.`,
		Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error { return pcap(args[0], args[1], args[2]) },
	}
}

func pcap(results, name, path string) error {
	r, err := reports.ReadFile(results)
	if err != nil {
		return err
	}
	id, err := checkID(r, name)
	if err != nil {
		return err
	}
	check := r.Checks[slices.IndexFunc(r.Checks, func(c reports.Check) bool { return c.ID == id })]
	if len(check.Exchange) == 0 {
		return fmt.Errorf("%s has no exchange: it is %s: %s", id, check.Outcome, reports.Printable(check.Reason))
	}
	events := make([]harness.Event, len(check.Exchange))
	for i, e := range check.Exchange {
		events[i] = harness.Event{
			At: time.Duration(e.TMS * float64(time.Millisecond)), Conn: e.Conn, Packet: e.Packet, Hex: e.Hex, Length: e.Length,
			Dir: harness.Direction((e.Dir + ".")[0]),
		}
	}
	file, err := os.Create(path)
	if err != nil {
		return unwritable(err)
	}
	buffer := bufio.NewWriter(file)
	capture, err := wire.NewCapture(buffer)
	if err == nil {
		err = harness.Record(capture, r.Started, events)
	}
	return errors.Join(err, buffer.Flush(), file.Close())
}
