package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCopyKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "wend.yaml")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Copy("shop", dir); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(mine); string(b) != "mine" {
		t.Errorf("wend.yaml is now %q", b)
	}
	for _, f := range []string{"profile.yaml", "journeys/cart-recovery.yaml", "tests/welcome.yaml"} {
		got, err := os.ReadFile(filepath.Join(dir, f))
		want, _ := os.ReadFile(filepath.Join("shop", f))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v", f, err)
		}
	}
	if err := Copy("nothing", dir); err == nil {
		t.Error("an unknown workspace was copied")
	}
}

func TestShoppers(t *testing.T) {
	start := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	run := func(pieces int) (out []ShopEvent) {
		s := NewShoppers(7, "r", 100, start)
		for i := 1; i <= pieces; i++ {
			out = append(out, s.Next(start.Add(10*time.Minute*time.Duration(i)/time.Duration(pieces)))...)
		}
		return out
	}
	events := run(1)
	if perSecond := float64(len(events)) / 600; perSecond < 85 || perSecond > 115 {
		t.Errorf("%.1f events a second, 100 were asked for", perSecond)
	}
	again := run(100)
	if len(again) != len(events) {
		t.Fatalf("in pieces %d events, at once %d", len(again), len(events))
	}
	ids, types := map[string]bool{}, map[string]int{}
	last := start
	for i, e := range events {
		var m map[string]any
		if err := json.Unmarshal(e.JSON, &m); err != nil {
			t.Fatal(err)
		}
		if m["customer_id"] != e.Customer || m["type"] != e.Type || m["ts"] != float64(e.At.UnixMilli()) {
			t.Fatalf("event %s of %+v", e.JSON, e)
		}
		if e.At.Before(last) {
			t.Fatalf("event %d goes back in time", i)
		}
		last = e.At
		ids[m["event_id"].(string)] = true
		types[e.Type]++
		if string(again[i].JSON) != string(e.JSON) {
			t.Fatalf("event %d: in pieces %s, at once %s", i, again[i].JSON, e.JSON)
		}
	}
	if len(ids) != len(events) {
		t.Errorf("%d ids of %d events", len(ids), len(events))
	}
	if types["browse"] < types["add_to_cart"] || types["add_to_cart"] < types["purchase"] || types["purchase"] == 0 {
		t.Errorf("types %v", types)
	}
}

func TestReceivedOpens(t *testing.T) {
	start := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	s := NewShoppers(7, "r", 0, start)
	for range 100 {
		s.Received("c1", "a/1", start)
	}
	opened := s.Next(start.Add(time.Minute))
	if len(opened) < 15 || len(opened) > 45 || opened[0].Type != "push_opened" {
		t.Errorf("%d of 100 opened", len(opened))
	}
}
