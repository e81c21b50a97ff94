package figures

import "testing"

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 9, 2}, 3}} {
		if got := Median(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 1.75: "1.75", 0.4567: "0.457", 45.67: "45.7", 456.7: "457", 999.4: "999", 999.6: "1,000", 1234.5: "1,234",
		300_000: "300,000", 1_234_567.8: "1,234,568", -4321: "-4,321", 0.000012: "0.000012", 12_000: "12,000"} {
		if got := Number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
