package reports

import (
	"strings"
	"testing"
	"unicode"

	. "github.com/onsi/gomega"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ASCII", "plain text ~", "plain text ~"},
		{"a backslash", `C:\temp`, `C:\temp`},
		{"other scripts", "Grüße, 世界, שלום, हिन्दी, 👍", "Grüße, 世界, שלום, हिन्दी, 👍"},
		{"ANSI", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"8-bit CSI", "\u009b31m", `\u009b31m`},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`},
		{"line breaks", "a\r\nb\tc\u2028d\u0085e", `a\r\nb\tc\u2028d\u0085e`},
		{"turned around", "a\u202egnp.exe\u2066", `a\u202egnp.exe\u2066`},
		{"without width", "pay\u200bpal\ufeff", `pay\u200bpal\ufeff`},
		{"private use", "\ue000", `\ue000`},
		{"no UTF-8", "a\xff\xc3", `a\xff\xc3`},
		{"a surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"tags above the BMP", "\U000e0041", `\U000e0041`},
		{"piled up marks", "e" + strings.Repeat("\u0301", 6), "e" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(Printable(c.in)).To(Equal(c.want))
		})
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2J\u202e\xff世")
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		for _, r := range got {
			if r != ' ' && !unicode.IsPrint(r) {
				t.Fatalf("%q leaves %U", s, r)
			}
		}
		if again := Printable(got); again != got {
			t.Fatalf("%q is escaped twice: %q", got, again)
		}
	})
}

func TestShownIsShort(t *testing.T) {
	g := NewWithT(t)
	g.Expect(shown(strings.Repeat("x", 1<<16), 10)).To(Equal("xxxxxxxxxx… (65536 bytes in all)"))
	g.Expect(shown("é\n", 5)).To(Equal(`é\n`))
	g.Expect(lines("a\r\n\tb\n\x1b\n\n", 100)).To(Equal([]string{"a", "    b", `\x1b`}))
}
