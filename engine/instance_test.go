package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "here")
	first, err := LoadInstance(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if !validInstanceID(first.ID) {
		t.Errorf("id %q", first.ID)
	}
	if _, err := LoadInstance(dir, ""); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second one on the same directory: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := LoadInstance(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != first.ID {
		t.Errorf("id %q became %q", first.ID, again.ID)
	}
	again.Close()
	other, err := LoadInstance(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.ID == first.ID {
		t.Errorf("two directories have the id %q", other.ID)
	}
	for _, broken := range []string{"", "\n", "a b", "..", strings.Repeat("x", 250), "a\nb"} {
		if err := os.WriteFile(filepath.Join(dir, instanceFile), []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		if i, err := LoadInstance(dir, ""); err == nil || !strings.Contains(err.Error(), "delete it") {
			t.Errorf("%q: %v, %v", broken, i, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, instanceFile)); err != nil {
		t.Fatal(err)
	}
	last, err := LoadInstance(dir, "")
	if err != nil {
		t.Fatalf("after the advice was followed: %v", err)
	}
	last.Close()
	if last.ID != first.ID && !strings.HasPrefix(hostname(t), "localhost") {
		t.Errorf("id %q became %q with the data", first.ID, last.ID)
	}
	named, err := LoadInstance(dir, "shop-1")
	if err != nil || named.ID != "shop-1" {
		t.Fatalf("%v, %v", named, err)
	}
	named.Close()
}

func hostname(t *testing.T) string {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func TestInstanceOfANamelessHost(t *testing.T) {
	a, b := newInstanceID("pod-1", "/data"), newInstanceID("pod-2", "/data")
	if a == b || a != newInstanceID("pod-1", "/data") || !validInstanceID(a) {
		t.Errorf("%q, %q", a, b)
	}
	for _, everybodys := range []string{"", "localhost", "localhost.localdomain"} {
		if a, b := newInstanceID(everybodys, "/data"), newInstanceID(everybodys, "/data"); a == b {
			t.Errorf("two hosts that are called %q have the same id", everybodys)
		}
	}
}
