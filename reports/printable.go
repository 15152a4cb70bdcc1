package reports

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks Printable keeps in a row: enough for
// every living script, too few to climb into the lines above.
const maxMarks = 4

// Printable is s made safe to show: what a broker sends must not be able to
// move the cursor, colour the screen, forge a line or turn text around. It
// escapes whatever has no shape of its own (control characters, ANSI escapes,
// line breaks, zero-width and bidirectional controls, private use) the way a
// Go string literal would, and bytes that are no UTF-8 as \xNN. All else, in
// whatever script, stays as it is; so does a backslash.
func Printable(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	marks := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxMarks {
				writeEscaped(&b, r)
			} else {
				b.WriteRune(r)
			}
			i += size
			continue
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			writeEscaped(&b, r)
		}
		marks = 0
		i += size
	}
	return b.String()
}

// plain says whether s is printable ASCII throughout, as nearly all text is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func writeEscaped(b *strings.Builder, r rune) {
	switch r {
	case '\n':
		b.WriteString(`\n`)
	case '\r':
		b.WriteString(`\r`)
	case '\t':
		b.WriteString(`\t`)
	default:
		switch {
		case r < 0x80:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
	}
}

// clip is s cut to at most limit runes; what is cut off is counted, so that a
// reader knows that the text went on. To cut off less than the remark is long
// would help nobody.
func clip(s string, limit int) string {
	if len(s) <= limit+limit/8 {
		return s
	}
	n := 0
	for i := range s {
		if n == limit {
			return fmt.Sprintf("%s… (%d bytes in all)", s[:i], len(s))
		}
		n++
	}
	return s
}

// shown is s as every face shows it on one line: at most limit runes,
// printable. The cut comes first, so that 64 KiB of NULs cost nothing.
func shown(s string, limit int) string {
	return Printable(clip(s, limit))
}

// lines is s as a block of printable lines. Expected and observed values may
// have line breaks of their own; the faces indent every one of them, so that
// none can pass for a line of the report.
func lines(s string, limit int) []string {
	s = strings.TrimRight(strings.ReplaceAll(clip(s, limit), "\r\n", "\n"), "\n")
	if s == "" {
		return nil
	}
	parts := strings.Split(strings.ReplaceAll(s, "\t", "    "), "\n")
	for i, part := range parts {
		parts[i] = strings.TrimRight(Printable(part), " ")
	}
	return parts
}
