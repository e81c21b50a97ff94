//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A deck has every card once before any comes again, in an order that the seed alone makes.
func TestDeckIsFairAndTheSeeds(t *testing.T) {
	play := func(seed uint64) (kinds []string) {
		d := &day{o: &options{seed: seed}}
		var cards []card
		for i := range 6 {
			k := strconv.Itoa(i)
			cards = append(cards, card{k, func() { kinds = append(kinds, k) }})
		}
		deck := d.newDeck(d.random(1), cards...)
		for range 5 * 6 {
			deck.draw()
		}
		return kinds
	}
	one := play(1)
	for i := 0; i < len(one); i += 6 {
		if round := slices.Sorted(slices.Values(one[i : i+6])); len(slices.Compact(round)) != 6 {
			t.Errorf("round %d is %v", i/6, one[i:i+6])
		}
	}
	if !slices.Equal(one, play(1)) {
		t.Error("the same seed gives another order")
	}
	if slices.Equal(one, play(2)) {
		t.Error("another seed gives the same order")
	}
}

func TestDeckTakesWhatIsWanted(t *testing.T) {
	d := &day{o: &options{only: []string{"b"}}}
	var got []string
	deck := d.newDeck(d.random(1), card{"a", func() { got = append(got, "a") }}, card{"b", func() { got = append(got, "b") }})
	for range 2 {
		if !deck.draw() {
			t.Error("an empty deck")
		}
	}
	if !slices.Equal(got, []string{"b", "b"}) {
		t.Error(got)
	}
	if d.newDeck(d.random(1), card{"a", nil}).draw() {
		t.Error("something of an empty deck")
	}
}

// What a process that this one started has burnt is counted, while it lives and behind its end.
func TestUsageCountsChildren(t *testing.T) {
	if _, err := os.Stat("/proc/stat"); err != nil {
		t.Skip("the system does not tell")
	}
	began := measure()
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; read x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for measure().since(began).ours < 50*time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // sh found nothing to read
	if u := measure().since(began); u.ours < 50*time.Millisecond || u.busy > u.total {
		t.Errorf("%+v", u)
	}
}

func TestFillTakesAllThereIs(t *testing.T) {
	d := &day{}
	dir := filepath.Join(t.TempDir(), "disk")
	if err := d.mount(dir); err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := d.leave(); err != nil {
			t.Error(err)
		}
	}()
	if size, err := fill(filepath.Join(dir, ballastName)); err != nil || size < 700<<20 {
		t.Errorf("%d bytes: %v", size, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "more"), make([]byte, 8<<10), 0o644); err == nil {
		t.Error("there is room")
	}
}
