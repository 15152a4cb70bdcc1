package codec

import (
	"strings"
	"unicode/utf8"
)

// utf8Fault finds what a UTF-8 Encoded String must not contain: ill-formed
// UTF-8, encoded surrogates among it (MQTT-1.5.4-1, in 3.1.1 MQTT-1.5.3-1),
// and U+0000 (MQTT-1.5.4-2, MQTT-1.5.3-2). Control characters, non-characters
// and U+FEFF are only discouraged, or not even that, and pass.
func utf8Fault(s string) (at int, broken rule, why string) {
	if !utf8.ValidString(s) {
		for i, r := range s {
			if r == utf8.RuneError {
				if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
					return i, ruleIllFormed, illFormedWhy(s[i:])
				}
			}
		}
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return i, ruleNullCharacter, "contains U+0000"
	}
	return 0, ruleNone, ""
}

func illFormedWhy(s string) string {
	if len(s) > 2 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2]&0xC0 == 0x80 {
		return "encodes a surrogate (U+D800 to U+DFFF)"
	}
	return "ill-formed UTF-8: " + hexByte(s[0]) + " is no part of a character here"
}
