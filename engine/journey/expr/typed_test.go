package expr

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMoment(t *testing.T) {
	env := testEnv(t)
	const ten = 1_772_330_400_000 // 2026-03-01T10:00:00+08:00
	for src, want := range map[string]int64{
		"event.when": ten, "event.ts": 1_772_323_200_000, "now": testNow, "1772330400000": ten, "1772330400000.5": ten,
		"event.date": 1_772_294_400_000, `"2026-03-01T02:00:00Z"`: ten, `time(event.when) + duration("1d")`: ten + 86_400_000,
		`time("2026-03-01T02:00:00.0009Z")`: ten, "profile.last_seen": 1_772_236_800_000, "event.?when.orValue(event.ts)": ten,
	} {
		x, err := env.Moment(src, testScope())
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if ms, ok, why := x.Eval(testVars(t)); !ok || ms != want || why != (Why{}) {
			t.Errorf("%s is %d, %v, %+v; want %d", src, ms, ok, why, want)
		}
	}
	for src, want := range map[string]Why{
		"event.nope": {Missing: "event.nope"}, "event.name": {Failed: "is not a time"}, "event.vip": {Failed: "is not a time"},
		"event.none": {Failed: "is not a time"}, "event.huge": {Failed: "is not a time"}, "event.big": {Failed: "outside the years"},
		"event.price / event.zero": {Failed: "zero"},
	} {
		x, err := env.Moment(src, testScope())
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if ms, ok, why := x.Eval(testVars(t)); ok || why.Missing != want.Missing || !strings.Contains(why.Failed, want.Failed) {
			t.Errorf("%s is %d, %v, %+v; want %+v", src, ms, ok, why, want)
		}
	}
	for src, want := range map[string]string{
		"event.vip == true": "a point in time", "profile.tags": "a point in time", `"soon"`: "not a time", "event.?when": "optional",
		`duration("1h")`: "a point in time",
	} {
		if _, err := env.Moment(src, testScope()); err == nil || !strings.Contains(err.Message, want) {
			t.Errorf("%s: %v, want %q", src, err, want)
		}
	}
	if x, err := env.Moment("event.when", testScope()); err != nil || x.Reads().Event[0] != "when" {
		t.Error("it does not say what it reads")
	}
}

func TestNumber(t *testing.T) {
	env := testEnv(t)
	for src, want := range map[string]any{
		"3": int64(3), "-2.5": -2.5, "event.price": int64(30), "event.price / 4": 7.5, "profile.ltv * 2": 201.0, "profile.purchases": int64(3),
	} {
		x, err := env.Number(src, testScope())
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if n, ok, why := x.Eval(testVars(t)); !ok || n != want || why != (Why{}) {
			t.Errorf("%s is %v, %v, %+v; want %v", src, n, ok, why, want)
		}
	}
	for src, want := range map[string]Why{
		"event.nope": {Missing: "event.nope"}, "event.name": {Failed: "text is not a number"}, "event.vip": {Failed: "a boolean is not a number"},
		"event.price / event.zero": {Failed: "zero"}, "event.huge * event.huge": {Failed: "the number is too large"},
	} {
		x, err := env.Number(src, testScope())
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if n, ok, why := x.Eval(testVars(t)); ok || why.Missing != want.Missing || !strings.Contains(why.Failed, want.Failed) {
			t.Errorf("%s is %v, %v, %+v; want %+v", src, n, ok, why, want)
		}
	}
	for _, src := range []string{"event.price > 1", `"3"`, "profile.tags", "event.?price", "now", "profile.tier"} {
		if _, err := env.Number(src, testScope()); err == nil || !strings.Contains(err.Message, "a number is wanted") {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// TestLess: the order is that of the exact numbers.
func TestLess(t *testing.T) {
	exact := func(v any) *big.Float {
		if i, ok := v.(int64); ok {
			return new(big.Float).SetPrec(200).SetInt64(i)
		}
		return new(big.Float).SetPrec(200).SetFloat64(v.(float64))
	}
	number := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return rapid.Int64().Draw(t, "whole") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Float64().Draw(t, "fractional") }),
		rapid.SampledFrom([]any{int64(1 << 53), int64(1<<53 + 1), float64(1 << 53), math.MaxFloat64, int64(math.MaxInt64), float64(1 << 63), 0.0, int64(0), 0.5}),
	)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		if got, want := Less(a, b), exact(a).Cmp(exact(b)) < 0; got != want {
			t.Fatalf("%v < %v is %v", a, b, got)
		}
	})
	if Less("a", "b") || Less(int64(1), "b") || Less(1.0, nil) {
		t.Error("what is no number is below another")
	}
}
