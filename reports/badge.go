package reports

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// WriteBadge writes r's verdict as an SVG badge for a README.
func WriteBadge(w io.Writer, r *Results) error {
	label, message, color := badge(r)
	left, right := textWidth(label)+10, textWidth(message)+10
	total := left + right
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" role="img" aria-label="%[6]s: %[7]s">
<title>%[6]s: %[7]s</title>
<clipPath id="r"><rect width="%[1]d" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><path fill="#444d56" d="M0 0h%[2]dv20H0z"/><path fill="%[4]s" d="M%[2]d 0h%[3]dv20H%[2]dz"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="%[5]d" y="14" textLength="%[8]d">%[6]s</text>
<text x="%[9]d" y="14" textLength="%[10]d">%[7]s</text>
</g></svg>
`, total, left, right, color, left/2, xmlText(label), xmlText(message), left-10, left+right/2, right-10)
	if err != nil {
		return fmt.Errorf("write badge: %w", err)
	}
	return nil
}

// WriteShields writes r's verdict as JSON for a shields.io endpoint badge.
func WriteShields(w io.Writer, r *Results) error {
	label, message, color := badge(r)
	err := json.NewEncoder(w).Encode(struct {
		SchemaVersion int    `json:"schemaVersion"`
		Label         string `json:"label"`
		Message       string `json:"message"`
		Color         string `json:"color"`
		IsError       bool   `json:"isError,omitempty"`
	}{1, label, message, color, len(r.Checks) == 0})
	if err != nil {
		return fmt.Errorf("write badge: %w", err)
	}
	return nil
}

// badge is what a badge says. Its colours keep white text readable.
func badge(r *Results) (label, message, color string) {
	label = "MQTT"
	if len(r.MQTT) > 0 {
		label += " " + shown(strings.Join(r.MQTT, " + "), 40)
	}
	n := Counts{}
	for _, c := range r.Checks {
		n[c.Outcome]++
	}
	fails, total := n[Fail], len(r.Checks)-n[Untried]
	switch {
	case len(r.Checks) == 0:
		return label, "not tested", "#6a737d"
	case r.Summary.Verdict == Nonconformant && fails == 1:
		return label, fmt.Sprintf("1 of %d checks fails", total), "#c3192b"
	case r.Summary.Verdict == Nonconformant:
		return label, fmt.Sprintf("%d of %d checks fail", fails, total), "#c3192b"
	case r.Summary.Verdict == Conformant && n[Untried] > 0:
		return label, fmt.Sprintf("conformant, %d untried", n[Untried]), "#18712f"
	case r.Summary.Verdict == Conformant:
		return label, "conformant", "#18712f"
	}
	return label, "incomplete", "#7d5300"
}

// textWidth estimates the width of text in 11 px Verdana, in pixels. The
// badge stretches the text to it, so a few pixels do not matter.
func textWidth(s string) int {
	width := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("ijl.,:;|'!I", r):
			width += 3.9
		case strings.ContainsRune("frt ()", r):
			width += 4.4
		case strings.ContainsRune("mwMW+Q", r):
			width += 9.3
		case r < 0x80:
			width += 6.9
		default:
			width += 11
		}
	}
	return int(width + 0.5)
}

func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(Printable(s))) // a strings.Builder takes everything
	return b.String()
}
