package schemas

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// standard reads JSON with encoding/json and gives numbers the kinds of this package. It fails where encoding/json does.
func standard(b []byte) (any, error) {
	if err := json.Unmarshal(b, new(any)); err != nil { // numbers beyond float64 too, which UseNumber lets pass
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return numbered(v), nil
}

func numbered(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil && !strings.ContainsAny(string(v), ".eE") {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbered(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbered(v[k])
		}
	}
	return v
}

func depthOf(b []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == '}' || c == ']'):
			depth--
		}
	}
	return deepest
}

func TestParseJSON(t *testing.T) {
	for in, want := range map[string]any{
		`null`: nil, ` true `: true, "\t\r\n false": false, `0`: int64(0), `-0`: int64(0), `-0.0`: math.Copysign(0, -1),
		`9223372036854775807`: int64(math.MaxInt64), `-9223372036854775808`: int64(math.MinInt64),
		`9223372036854775808`: float64(1 << 63), `1.0`: 1.0, `1e2`: 100.0, `12.30`: 12.3, `1e-400`: 0.0,
		`"a\"\\\/\b\f\n\r\té\u20aC\u0000"`: "a\"\\/\b\f\n\r\té€\x00", `"😀"`: "😀", `"\ud83d\uDE00"`: "😀", `"\ud83d"`: "\ufffd",
		`"\ud83dx"`: "\ufffdx", `"\ud83d\ud83d\ude00"`: "\ufffd😀", `"\ude00\ud83d"`: "\ufffd\ufffd", `"\ud83dA"`: "\ufffdA", `"\ud83d\u0041"`: "\ufffdA",
		`[]`: []any{}, `{}`: map[string]any{}, `[1,[2.5],{"a":null}]`: []any{int64(1), []any{2.5}, map[string]any{"a": nil}},
		`{"a":1,"a":2}`: map[string]any{"a": int64(2)}, `{"a":1,"\u0061":2}`: map[string]any{"a": int64(2)},
		`{ "x" : [ ] , "y" : { } }`:                       map[string]any{"x": []any{}, "y": map[string]any{}},
		strings.Repeat("[", 64) + strings.Repeat("]", 64): nest(64),
	} {
		got, err := ParseJSON([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if !reflect.DeepEqual(got, want) || math.Signbit(float(got)) != math.Signbit(float(want)) {
			t.Errorf("%s: got %#v, want %#v", in, got, want)
		}
	}
}

func nest(depth int) any {
	var v any = []any{}
	for range depth - 1 {
		v = []any{v}
	}
	return v
}

func float(v any) float64 { f, _ := v.(float64); return f }

func TestParseJSONRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "byte 0: expected a value, found the end",
		"nul":                            "byte 0",
		"NaN":                            "byte 0: expected a value, found 'N'",
		"Infinity":                       "byte 0",
		"01":                             "leading zeros",
		"-":                              "expected a digit, found the end",
		"+1":                             "expected a value",
		".5":                             "expected a value",
		"1.":                             "digit behind the point",
		"1e":                             "digit of the exponent",
		"1e+":                            "digit of the exponent",
		"1 2":                            "byte 2: expected nothing behind the value, found '2'",
		"1e400":                          "larger than 64 bits can hold",
		strings.Repeat("9", 400):         "larger than 64 bits can hold",
		strings.Repeat("9", 299) + "e99": "larger than 64 bits can hold",
		`"a`:                             "ends a string",
		"\"a\nb\"":                       "control characters of a string to be escaped, found '\\n'",
		"\"\x1f\"":                       "control characters",
		`"\x"`:                           "behind a backslash",
		`"\u12g4"`:                       "four hexadecimal digits",
		`"\`:                             "expected an escape",
		"\"\xff\"":                       "expected UTF-8, found byte 0xff",
		"\"\xed\xa0\x80\"":               "expected UTF-8", // half of a surrogate pair, encoded
		"\xef\xbb\xbf1":                  "found '\\ufeff'",
		"[1,]":                           "expected a value, found ']'",
		"[1":                             "expected ',' or ']'",
		`{"a":1,}`:                       "name in double quotes",
		`{a:1}`:                          "name in double quotes",
		`{"a" 1}`:                        "expected ':'",
		`{"a":1 "b":2}`:                  "expected ',' or '}'",
		"// comment":                     "found '/'",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): "more than 64 deep",
		strings.Repeat(`{"a":`, 1e6):                      "more than 64 deep",
	} {
		v, err := ParseJSON([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v; want an error with %q", in, v, err, want)
		}
	}
}

func TestAppendJSONAgreesWithLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := genValue(4).Draw(t, "value")
		sameAsLibrary(t, v)
		back, err := ParseJSON(AppendJSON(nil, v))
		if err != nil {
			t.Fatal(err)
		}
		// Not the same value always (3.602879701896397e+16 is read as 36028797018963970, -0.0 as 0), but the same text.
		once, again := string(AppendJSON(nil, v)), string(AppendJSON(nil, back))
		if strings.ReplaceAll(once, "-0", "0") != strings.ReplaceAll(again, "-0", "0") {
			t.Fatalf("%s is read back as %s", once, again)
		}
	})
}

func sameAsLibrary(t interface{ Fatalf(string, ...any) }, v any) {
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatalf("%v", err)
	}
	if got := string(AppendJSON(nil, v)); got+"\n" != want.String() {
		t.Fatalf("got  %s\nwant %s", got, want.String())
	}
}

func TestAppendJSON(t *testing.T) {
	for _, v := range []any{
		30.0, 19.99, 1e20, 1e21, 123456789012345680000.0, 1e-6, 1e-7, 9.5e-10, 5e-324, math.MaxFloat64, math.Copysign(0, -1),
		int64(math.MinInt64), "<a href=\"x\">&", "a\xffb\xe2\x82", "\u2028\u2029\u2030", "\x00\x1f\x7f\b\f\n\r\t\\", "汉字😀",
		map[string]any{"b": int64(1), "a": map[string]any{}, "": []any{nil}},
	} {
		sameAsLibrary(t, v)
	}
	for _, v := range []any{math.Inf(1), math.NaN(), 7, struct{}{}} {
		if got := string(AppendJSON(nil, v)); got != "null" {
			t.Errorf("%v is written as %s", v, got)
		}
	}
}

func TestEqual(t *testing.T) {
	list := func(v ...any) any { return v }
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{nil, nil, true}, {nil, false, false}, {true, true, true}, {"1", int64(1), false},
		{int64(3), 3.0, true}, {3.0, int64(3), true}, {int64(3), 3.5, false},
		{int64(1<<53 + 1), float64(1 << 53), false}, {int64(math.MaxInt64), float64(1 << 63), false}, {int64(math.MinInt64), float64(1 << 63), false},
		{int64(math.MinInt64), -float64(1 << 63), true}, {math.NaN(), math.NaN(), false}, {int64(0), math.NaN(), false},
		{list(int64(1), "a"), list(1.0, "a"), true}, {list(int64(1)), list(int64(1), nil), false},
		{map[string]any{"a": nil}, map[string]any{"b": nil}, false}, {map[string]any{"a": nil}, map[string]any{}, false},
		{map[string]any{"a": int64(1)}, map[string]any{"a": 1.0}, true}, {list(), map[string]any{}, false},
	} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%#v, %#v) = %v", c.a, c.b, got)
		}
		if got := Equal(c.b, c.a); got != c.want {
			t.Errorf("Equal(%#v, %#v) = %v", c.b, c.a, got)
		}
	}
}

func TestCloneValueSharesNothing(t *testing.T) {
	b := []byte(`{"e":{"list":["abc",{"k":"v"}],"text":"long enough"}}`)
	d := must(NewDecoder(Format{Customer: "e.text", Type: "e.text"}))
	var ev Event
	if err := d.Decode(b, Origin{}, &ev); err != nil {
		t.Fatal(err)
	}
	v, _ := ev.Body.Field("e")
	kept := CloneValue(v)
	want := map[string]any{"list": []any{"abc", map[string]any{"k": "v"}}, "text": "long enough"}
	if !reflect.DeepEqual(kept, want) {
		t.Fatalf("got %#v", kept)
	}
	clear(d.buf)
	if !reflect.DeepEqual(kept, want) {
		t.Errorf("the clone lives in the decoder's memory: %#v", kept)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// FuzzJSON holds the parser to encoding/json: it accepts the same and reads the same. The deliberate differences are
// that text must be UTF-8 (encoding/json replaces what is not) and that nesting ends at 64 (there at 10,000).
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"event_id":"e17","customer_id":"c123","type":"add_to_cart","ts":1700000000017,"sku":"sku-4711","price":12.30}`,
		`[1,-0,0.5,1e400,01,1E+5,"😀\ud83d\u00zz\n",null,true,false,{"a":{},"a":[]}]`,
		" {} x", `"` + "\xff" + `"`, `[[[[]]]]`, `{"a":1,}`, "[\"\x01\"]", "-", `"\u`, `1.5e-`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseJSON(b)
		want, wantErr := standard(b)
		if wantErr == nil && (!utf8.Valid(b) || depthOf(b) > eventDepth) {
			if err == nil {
				t.Fatalf("%q is taken", b)
			}
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, encoding/json says %v", b, err, wantErr)
		}
		if err != nil {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, encoding/json reads %#v", b, got, want)
		}
		sameAsLibrary(t, got)
	})
}

func FuzzAppendJSONString(f *testing.F) {
	f.Add("a\xff\u2028<\"\\\x00\x7f😀")
	f.Fuzz(func(t *testing.T, s string) { sameAsLibrary(t, s) })
}
