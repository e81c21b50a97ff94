package expr

import (
	"testing"

	"pgregory.net/rapid"
)

// What a sieve says of a condition is what the interpreter finds: it does not hold, and does not fail. What the event's
// fields alone decide the sieve says.
func TestSieveLaw(t *testing.T) {
	quick, plain := termsEnvs(t)
	rapid.Check(t, func(t *rapid.T) {
		var all, want []*Condition
		var texts []string
		for range rapid.IntRange(1, 90).Draw(t, "conditions") {
			if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
				all, want, texts = append(all, nil), append(want, nil), append(texts, "")
				continue
			}
			src, c, p := someCondition(t, quick, plain)
			all, want, texts = append(all, c), append(want, p), append(texts, src)
		}
		s := NewSieve(all)
		if s == nil {
			return
		}
		not := make([]uint64, (len(all)+63)/64)
		for range 8 {
			v := &Vars{Event: someBody(t), Now: testNow}
			for w := range not {
				not[w] = ^uint64(0)
			}
			s.Sift(v.Event, not)
			for i, c := range want {
				sifted := not[i/64]>>(i%64)&1 == 1
				if c == nil {
					if sifted {
						t.Fatalf("no condition: sifted")
					}
					continue
				}
				if holds, why := c.Eval(v); sifted && (holds || why.Failed != "") {
					t.Fatalf("%s with %v: sifted, and yet %v %+v", texts[i], v.Event, holds, why)
				}
				if terms := all[i].terms; terms != nil && terms.whole {
					if holds, _, ok := terms.judge(v.Event); ok && !holds && !sifted {
						t.Fatalf("%s with %v: not sifted", texts[i], v.Event)
					}
				}
			}
			for i := len(all); i < 64*len(not); i++ {
				if not[i/64]>>(i%64)&1 == 1 {
					t.Fatalf("a bit of no condition")
				}
			}
		}
	})
}

// Of more fields than a sieve takes in, what it leaves out decides nothing.
func TestSieveOfManyFields(t *testing.T) {
	env, _ := termsEnvs(t)
	var all []*Condition
	for _, src := range []string{
		"event.a == 1 && event.b == 1", "event.c == 1 && event.d == 1", "event.e == 1 && event.f == 1", "event.g == 1 && event.h == 1",
		"event.z < 1 && event.a == 1", // z comes ninth
	} {
		c, err := env.Condition(src, termsScope())
		if err != nil {
			t.Fatal(err.Message)
		}
		all = append(all, c)
	}
	not := make([]uint64, 1)
	s := NewSieve(all)
	s.Sift(body{"z": "text", "b": int64(1)}, not) // text < 1 fails, which event.a that is missing does not hide
	if not[0] != 0b01111 {
		t.Errorf("%05b", not[0])
	}
	if s.Sift(body{"a": int64(2)}, not); not[0] != 0b11111 {
		t.Errorf("%05b", not[0])
	}
}

func TestSiftAllocatesNothing(t *testing.T) {
	env, _ := termsEnvs(t)
	c, err := env.Condition(`event.sku == "s" && event.price >= 20`, termsScope())
	if err != nil {
		t.Fatal(err.Message)
	}
	s, not, src := NewSieve([]*Condition{c}), make([]uint64, 1), Source(body{"sku": "t", "price": 12.5})
	if n := testing.AllocsPerRun(100, func() { s.Sift(src, not) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
