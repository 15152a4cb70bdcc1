package reports

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

// WriteNetcat writes a check's exchange as a shell script that repeats it with
// nothing but printf and nc: what to put into a bug report. What the broker
// sent stands in it as comments. Packets that the results hold only the
// beginning of, and bytes that were masked, cannot be repeated; the script says
// so where they stand. Only mqtt:// targets can be spoken to with nc.
func WriteNetcat(w io.Writer, c *Check, target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "mqtt" && u.Scheme != "tcp" {
		return fmt.Errorf("no script for %s: nc speaks plain TCP only", Printable(target))
	}
	if strings.Trim(u.Hostname(), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_") != "" {
		return fmt.Errorf("no script for %s: its host is no name or address", Printable(target))
	}
	port := u.Port()
	if port == "" {
		port = "1883"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/bash\n# %s: the broker %s\n", shown(c.ID, 120), shown(c.Title, maxLine))
	fmt.Fprintf(&b, "# decides %s\n", shown(strings.Join(c.Requirements, ", "), maxLine))
	for _, line := range []struct{ name, text string }{{"expected", c.Expected}, {"observed", c.Observed}} {
		if line.text != "" {
			fmt.Fprintf(&b, "# %s: %s\n", line.name, shown(line.text, maxLine))
		}
	}
	b.WriteString("cd \"$(mktemp -d)\" || exit\n")
	fds := map[string]int{} // by connection name, while it is open
	next := 3
	for _, e := range c.Exchange {
		name := shellName(e.Conn)
		packet := shown(e.Packet, maxLine)
		switch {
		case e.Dir == "." && e.Packet == "connected":
			fmt.Fprintf(&b, "mkfifo c%[1]d; nc %[2]s %[3]s < c%[1]d | od -An -tx1 | sed 's/^/%[4]s </' & exec {fd%[1]d}> c%[1]d # %[4]s connects\n", next, u.Hostname(), port, name)
			fds[name] = next
			next++
		case e.Dir == ">" && fds[name] > 0:
			fmt.Fprintf(&b, "# %s sends %s\n%s", name, packet, printf(e, fds[name]))
		case e.Dir == "<":
			fmt.Fprintf(&b, "sleep 0.2 # broker to %s: %s\n", name, packet)
		case strings.HasPrefix(e.Packet, "the client closes") && fds[name] > 0:
			fmt.Fprintf(&b, "exec {fd%d}>&- # %s: %s\n", fds[name], name, packet)
		case name == "":
			fmt.Fprintf(&b, "# %s\n", packet)
		default:
			fmt.Fprintf(&b, "# %s: %s\n", name, packet)
		}
	}
	b.WriteString("sleep 1\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// printf is the shell command that writes a packet's bytes.
func printf(e Event, fd int) string {
	if strings.Contains(e.Packet, "password=***") {
		return "# (not repeated: it carries a password)\n"
	}
	if e.Length > len(e.Hex)/2 {
		return fmt.Sprintf("# (not repeated: %d bytes, of which the results hold %d)\n", e.Length, len(e.Hex)/2)
	}
	var escaped strings.Builder
	for i := 0; i+1 < len(e.Hex); i += 2 {
		escaped.WriteString(`\x` + e.Hex[i:i+2])
	}
	return fmt.Sprintf("printf '%s' >&$fd%d\n", escaped.String(), fd)
}

// shellName is a connection's name as a word that a shell takes for nothing else.
func shellName(conn string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, conn)
}
