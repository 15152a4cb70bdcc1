package reports

import (
	"slices"
	"strings"
)

// Reproduce is the command line that runs one check of r again and shows it
// in full: the run's own, without its reports and with another selection.
func Reproduce(r *Results, check string) []string {
	command := Redact(r.Command)
	if len(command) < 2 || command[1] != "run" {
		target := redactURL(r.Target.URL)
		if r.Target.Name == "embedded" {
			target = r.Target.Name
		}
		return []string{"mqttspec", "run", target, "--check", check, "--verbose"}
	}
	end := slices.Index(command, "--")
	if end < 0 {
		end = len(command)
	}
	var again []string
	for i := 0; i < end; i++ {
		name, _, joined := strings.Cut(command[i], "=")
		switch name {
		case "--json", "--junit", "--html", "--markdown", "--pcap", "--badge", "--check", "--filter", "--mqtt", "--shard", "--known-failures", "--broker-log":
			if !joined {
				i++
			}
		case "--github", "--strict", "--verbose", "-v":
		default:
			again = append(again, command[i])
		}
	}
	again = append(again, "--check", check, "--verbose")
	return append(again, command[end:]...)
}

// shellLine is a command as one types it into a POSIX shell.
func shellLine(command []string) string {
	quoted := make([]string, len(command))
	for i, arg := range command {
		quoted[i] = shellWord(arg)
	}
	return strings.Join(quoted, " ")
}

func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
