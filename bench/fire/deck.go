//go:build unix

package main

import (
	"math/rand/v2"
	"slices"
)

// deck gives faults in random order, each once before any comes again: a short day has them all.
type deck struct {
	random *rand.Rand
	cards  []card
	next   int
}

type card struct {
	kind string
	do   func()
}

// newDeck takes those of the cards that were asked for.
func (d *day) newDeck(r *rand.Rand, cards ...card) *deck {
	return &deck{random: r, cards: slices.DeleteFunc(cards, func(c card) bool { return !d.wanted(c.kind) })}
}

// wanted says whether a kind of fault is to happen.
func (d *day) wanted(kind string) bool { return len(d.o.only) == 0 || slices.Contains(d.o.only, kind) }

// draw does the next one; false: there is none.
func (d *deck) draw() bool {
	if len(d.cards) == 0 {
		return false
	}
	if d.next%len(d.cards) == 0 {
		d.random.Shuffle(len(d.cards), func(i, j int) { d.cards[i], d.cards[j] = d.cards[j], d.cards[i] })
	}
	d.cards[d.next%len(d.cards)].do()
	d.next++
	return true
}
