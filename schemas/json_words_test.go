package schemas

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWords: of every byte at every place of a word, up to the first that is found, it is said what it is.
func TestWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Mostly what lies beside a border, and what a carry or a borrow from beside could be taken for.
		near := rapid.SampledFrom([]byte{0, 1, 0x1f, ' ', '!', '"', '#', '/', '0', '1', '9', ':', '[', '\\', ']', 0x7f, 0x80, 0xb0, 0xb9, 0xff})
		text := string(rapid.SliceOfN(rapid.OneOf(near, rapid.Byte()), 8, 8).Draw(t, "text"))
		w := word("x"+text+"x", 1)
		foundSpecial := false
		for i := range 8 {
			c, shift := text[i], 8*i+7
			if !foundSpecial && special(w)>>shift&1 == 1 == ordinary[c] {
				t.Fatalf("%q is special at %d: %v", text, i, ordinary[c])
			}
			foundSpecial = foundSpecial || !ordinary[c]
			if isDigit := c >= '0' && c <= '9'; notDigits(w)>>shift&1 == 1 == isDigit {
				t.Fatalf("%q has a digit at %d: %v", text, i, !isDigit)
			}
		}
	})
}

func TestFewDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{0,20}([-+.:/ e][0-9]{0,9})?`).Draw(t, "text")
		n, ok := fewDigits(text)
		want, err := strconv.ParseUint("0"+text, 10, 64)
		if few := err == nil && len(text) <= 18; ok != few || ok && n != int64(want) {
			t.Fatalf("%q is %d, %v", text, n, ok)
		}
	})
}

// TestStringsOfEveryLength: whatever ends a string, or is wrong with it, is found at each place of it, and however much
// text follows.
func TestStringsOfEveryLength(t *testing.T) {
	for before := range 20 {
		for behind := range 10 {
			for in, want := range map[string]string{
				`"`: "", `\n"`: "", `é"`: "", "😀\"": "",
				"": "expected the '\"' that ends a string", "\x1f": "expected control characters", "\xff": "expected UTF-8", `\x`: "behind a backslash",
			} {
				text := `"` + strings.Repeat("a", before) + in
				end := len(text)
				if want == "" {
					text += strings.Repeat(" ", behind)
				}
				s := scanner{text: text}
				got := s.checkString(0)
				if want == "" && (got != end || s.escapes != strings.Contains(in, `\`)) || want != "" && (got != failed || !strings.Contains(s.err.Error(), want)) {
					t.Errorf("%q ends at %d, %v", text, got, s.err)
				}
			}
		}
	}
}

func TestAllOrdinary(t *testing.T) {
	for size := range 30 {
		text := strings.Repeat("a", size)
		if !allOrdinary(text) {
			t.Errorf("%q is not", text)
		}
		for i := range size {
			for _, c := range []string{"\"", `\`, "\x00", "\x1f", "\x80", "\xa2", "\xff"} {
				if text := text[:i] + c + text[i+1:]; allOrdinary(text) {
					t.Errorf("%q is", text)
				}
			}
		}
	}
}
