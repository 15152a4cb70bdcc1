package reports

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// An ink is a colour or weight on a terminal, as an SGR parameter.
type ink string

const (
	noInk   ink = ""
	bold    ink = "1"
	dim     ink = "2"
	red     ink = "31"
	green   ink = "32"
	yellow  ink = "33"
	magenta ink = "35"
	cyan    ink = "36"
	redBold ink = "1;31"
)

func (o Outcome) ink() ink {
	switch o {
	case Pass:
		return green
	case Fail:
		return redBold
	case Warn:
		return yellow
	case Error, Blocked:
		return magenta
	case Waived:
		return cyan
	}
	return dim
}

// A pen writes lines of text, coloured and wrapped or neither. The first
// error of the writer ends all writing: nobody reads on behind a closed pipe.
// What is given to it must be printable already.
type pen struct {
	w     io.Writer
	err   error
	color bool
	width int // columns; 0 is without end
}

// paint is s in ink, where there is colour.
func (p *pen) paint(i ink, s string) string {
	if !p.color || i == noInk || s == "" {
		return s
	}
	return "\x1b[" + string(i) + "m" + s + "\x1b[0m"
}

func (p *pen) write(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// line writes one line as it is.
func (p *pen) line(s string) { p.write(strings.TrimRight(s, " ") + "\n") }

// minText is the narrowest column worth wrapping text into.
const minText = 12

// hang writes prefix and, beside it, body wrapped to the width, the further
// lines indented as far as the first. Where too little room is left beside
// the prefix, body goes below it. notes follow body in dim, on its last line
// if they fit.
func (p *pen) hang(prefix, body string, i ink, notes ...string) {
	left := text.StringWidthWithoutEscSequences(prefix)
	if p.width > 0 && p.width-left < minText {
		indent := len(prefix) - len(strings.TrimLeft(prefix, " "))
		if trimmed := strings.TrimRight(prefix, " "); trimmed != "" {
			p.line(trimmed)
		}
		left = min(indent+2, max(0, p.width-minText))
		prefix = strings.Repeat(" ", left)
	}
	pad := strings.Repeat(" ", left)
	room := p.width - left
	wrapped := wrap(body, room)
	painted := make([]string, len(wrapped))
	for n, l := range wrapped {
		painted[n] = p.paint(i, l)
	}
	used := text.StringWidthWithoutEscSequences(wrapped[len(wrapped)-1])
	for _, note := range notes {
		if note == "" {
			continue
		}
		if n := text.StringWidthWithoutEscSequences(note); p.width == 0 || used+2+n <= room {
			painted[len(painted)-1] += "  " + p.paint(dim, note)
			used += 2 + n
			continue
		}
		for _, l := range wrap(note, room) {
			painted = append(painted, p.paint(dim, l))
			used = text.StringWidthWithoutEscSequences(l)
		}
	}
	p.line(prefix + painted[0])
	for _, l := range painted[1:] {
		p.line(pad + l)
	}
}

// block writes a value of possibly several lines under a label.
func (p *pen) block(indent, label, value string, i ink) {
	ls := lines(value, maxBlock)
	if len(ls) == 0 {
		return
	}
	pad := strings.Repeat(" ", text.StringWidthWithoutEscSequences(label)+2)
	prefix := indent + p.paint(dim, label) + "  "
	for _, l := range ls {
		body := strings.TrimLeft(l, " ")
		p.hang(prefix+strings.Repeat(" ", min(len(l)-len(body), 8)), body, i)
		prefix = indent + pad
	}
}

// wrap breaks s into lines of at most width columns, between words where it
// can, within a word where it must. There is always a first line.
func wrap(s string, width int) []string {
	if width <= 0 || text.StringWidthWithoutEscSequences(s) <= width {
		return []string{s}
	}
	var all []string
	var cur strings.Builder
	used := 0
	flush := func() {
		all = append(all, strings.TrimRight(cur.String(), " "))
		cur.Reset()
		used = 0
	}
	for word := range strings.FieldsSeq(s) {
		n := text.StringWidthWithoutEscSequences(word)
		if used > 0 && used+1+n > width {
			flush()
		}
		if used > 0 {
			cur.WriteByte(' ')
			used++
		}
		if n <= width {
			cur.WriteString(word)
			used += n
			continue
		}
		for _, r := range word {
			if w := text.RuneWidth(r); used+w > width && used > 0 {
				flush()
			}
			cur.WriteRune(r)
			used += text.RuneWidth(r)
		}
	}
	if used > 0 || len(all) == 0 {
		flush()
	}
	return all
}

// fit is s cut to width columns, with an ellipsis where something is gone.
func fit(s string, width int) string {
	if width <= 0 || text.StringWidthWithoutEscSequences(s) <= width {
		return s
	}
	return text.Snip(s, width, "…")
}
