package reports

import (
	"net/url"
	"strings"
)

// Redact is a command line without its secrets, fit to be published: the
// values of password flags and the passwords in URLs become "***". Every face
// applies it again, as the last door before a report leaves the house.
func Redact(command []string) []string {
	if command == nil {
		return nil
	}
	clean := make([]string, len(command))
	hide := false
	for i, arg := range command {
		flag, value, joined := strings.Cut(arg, "=")
		switch {
		case hide:
			clean[i], hide = "***", false
		case secretFlag(flag) && joined && value != "":
			clean[i] = flag + "=***"
		default:
			clean[i] = redactURL(arg)
			hide = secretFlag(arg)
		}
	}
	return clean
}

// secretFlag says whether a flag's value is a secret. A file that holds one
// (--password-file) is named, not secret.
func secretFlag(flag string) bool {
	name := strings.TrimLeft(flag, "-")
	if name == flag || strings.HasSuffix(name, "-file") {
		return false
	}
	return name == "password" || strings.HasSuffix(name, "-password") || name == "token" || name == "secret"
}

// redactURL is s without the password in it, where s is a URL with one.
func redactURL(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	// A password may itself hold a slash that nobody escaped; the last @ of
	// what url.Parse refuses is then the safer border.
	if _, err := url.Parse(s); err != nil {
		end = len(rest)
	}
	at := strings.LastIndex(rest[:end], "@")
	if at < 0 {
		return s
	}
	user, _, has := strings.Cut(rest[:at], ":")
	if !has {
		return s
	}
	return scheme + "://" + user + ":***" + rest[at:]
}
