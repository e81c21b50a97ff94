package schemas

// Texts are looked at eight bytes at a time, a word, whose lowest byte is the first of them. Strings and numbers are
// short, so what a processor has for longer stretches does not pay; and a loop over their bytes costs a mispredicted
// branch wherever one is longer than the last.
const (
	ones  = 0x0101_0101_0101_0101
	highs = 0x80 * ones
)

// word is the eight bytes of text from i on, which must be there.
func word(text string, i int) uint64 {
	b := text[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56 // one load
}

// special has the high bit set of each byte of w that does not stand for itself in a string: quotes, backslashes, control
// characters and what is not ASCII, which keeps its high bit in one subtraction at least. What it says of bytes behind
// the first such may be wrong: the subtractions borrow from them.
func special(w uint64) uint64 {
	return (((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones) | (w - ' '*ones)) & highs
}

// allOrdinary reports whether every byte of s stands for itself in a string.
func allOrdinary(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if !ordinary[s[i]] {
				return false
			}
		}
		return true
	}
	last := len(s) - 8 // it shares bytes with the word before
	for i := 0; i < last; i += 8 {
		if special(word(s, i)) != 0 {
			return false
		}
	}
	return special(word(s, last)) == 0
}

// notDigits has the high bit set of each byte of w that is no digit.
func notDigits(w uint64) uint64 {
	w ^= '0' * ones
	return ((w &^ highs) + (0x7f-9)*ones | w) & highs
}

// eightDigits is the number that a word of digits is: digits come together in pairs, these in pairs, and those.
func eightDigits(w uint64) uint64 {
	w ^= '0' * ones
	w = (10*w + w>>8) & 0x00ff_00ff_00ff_00ff
	w = (100*w + w>>16) & 0x0000_ffff_0000_ffff
	return (10_000*w + w>>32) & 0xffff_ffff
}

// fewDigits reads what is nothing but digits, few enough for 64 bits.
func fewDigits(text string) (n int64, ok bool) {
	if len(text) > 18 {
		return 0, false
	}
	for ; len(text) >= 8; text = text[8:] {
		w := word(text, 0)
		if notDigits(w) != 0 {
			return 0, false
		}
		n = 100_000_000*n + int64(eightDigits(w))
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
