package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mqttspec/harness"
	"mqttspec/harness/wire/capture"
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
	happenings, err := recorded(r.Started, check.Exchange)
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	file, err := os.Create(path)
	if err != nil {
		return unwritable(err)
	}
	buffer := bufio.NewWriter(file)
	recorder, err := capture.New(buffer)
	if err == nil {
		err = recorder.Record(happenings)
	}
	return errors.Join(err, buffer.Flush(), file.Close())
}

// recorded is an exchange that began at this time, as it is recorded.
func recorded(start time.Time, exchange []reports.Event) ([]capture.Recorded, error) {
	var happenings []capture.Recorded
	for _, e := range exchange {
		h := capture.Recorded{At: start.Add(time.Duration(e.TMS * float64(time.Millisecond))), Conn: e.Conn, Length: e.Length}
		switch note := e.Dir != ">" && e.Dir != "<"; {
		case e.Conn == "":
			continue // a remark on the whole exchange
		case note && e.Packet == harness.NoteConnected:
			h.What = capture.Opened
		case note && strings.HasPrefix(e.Packet, harness.NoteClosed):
			h.What = capture.ClosedByBroker
		case note:
			continue
		case e.Dir == ">":
			h.What = capture.Sent
		default:
			h.What = capture.Received
		}
		if h.What == capture.Sent || h.What == capture.Received {
			var err error
			if h.Bytes, err = hex.DecodeString(e.Hex); err != nil {
				return nil, fmt.Errorf("the bytes of %s on %s: %w", reports.Printable(e.Packet), reports.Printable(e.Conn), err)
			}
		}
		happenings = append(happenings, h)
	}
	return happenings, nil
}
