package engine

import (
	"math/rand/v2"
	"slices"
)

// simChoices is where everything that is left to chance in a schedule comes from. What comes out is kept, in blocks: one
// for what is drawn before the first step, then one for each step. So a schedule can be run again from its choices alone,
// and steps can be taken out of it while the others go on to choose as they did. 0 is always the choice of the least
// harm: what a shortened schedule no longer says, goes well.
type simChoices struct {
	pcg    *rand.PCG
	rng    *rand.Rand
	drawn  []uint32
	begins []int // of the blocks in drawn
	again  []simBlock
	block  simBlock // of again, what is left of the present one
	calm   bool     // nothing is left to chance any more
}

// simBlock are the choices of a step; the first says which step it is.
type simBlock []uint32

// reset makes ready for a schedule: drawn from the seed, or as before with the choices given.
func (c *simChoices) reset(seed uint64, again []simBlock) {
	if c.rng == nil {
		c.pcg = rand.NewPCG(seed, 1)
		c.rng = rand.New(c.pcg)
	}
	c.pcg.Seed(seed, 1)
	c.drawn, c.begins, c.again, c.block, c.calm = c.drawn[:0], c.begins[:0], again, nil, false
}

// next begins a block; false: the schedule that is repeated has no more.
func (c *simChoices) next() bool {
	n := len(c.begins)
	if c.again != nil {
		if n == len(c.again) {
			return false
		}
		c.block = c.again[n]
	}
	c.begins = append(c.begins, len(c.drawn))
	return true
}

func (c *simChoices) put(v int) int {
	c.drawn = append(c.drawn, uint32(v))
	return v
}

// repeated is the present choice of a schedule that is repeated, of n.
func (c *simChoices) repeated(n int) int {
	if len(c.block) == 0 {
		return c.put(0)
	}
	v := min(int(c.block[0]), n-1)
	c.block = c.block[1:]
	return c.put(v)
}

// draw chooses one of n.
func (c *simChoices) draw(n int) int {
	switch {
	case c.calm:
		return 0
	case c.again != nil:
		return c.repeated(n)
	}
	return c.put(c.rng.IntN(n))
}

// chance chooses between no and, in so many of a thousand, yes.
func (c *simChoices) chance(permille int) bool {
	switch {
	case c.calm:
		return false
	case c.again != nil:
		return c.repeated(2) == 1
	case c.rng.IntN(1000) < permille:
		return c.put(1) == 1
	}
	return c.put(0) == 1
}

// pick chooses a place, by the weights there.
func (c *simChoices) pick(weights []int) int {
	switch {
	case c.calm:
		return 0
	case c.again != nil:
		return c.repeated(len(weights))
	}
	total := 0
	for _, w := range weights {
		total += w
	}
	at := c.rng.IntN(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return c.put(i)
		}
	}
	return c.put(0)
}

// blocks gives a copy of what was chosen.
func (c *simChoices) blocks() []simBlock {
	bs := make([]simBlock, len(c.begins))
	for i, from := range c.begins {
		to := len(c.drawn)
		if i+1 < len(c.begins) {
			to = c.begins[i+1]
		}
		bs[i] = slices.Clone(c.drawn[from:to])
	}
	return bs
}

// shrink looks for the shortest schedule that still fails: delta debugging over the steps (Zeller and Hildebrandt,
// "Simplifying and isolating failure-inducing input", 2002), then each choice that is left set to the one of least harm,
// until nothing more can be left out or the tries are used up. fails runs a schedule and says whether it fails in the same way.
func shrink(blocks []simBlock, tries int, fails func([]simBlock) bool) []simBlock {
	try := func(bs []simBlock) bool {
		if tries--; tries < 0 || !fails(bs) {
			return false
		}
		blocks = bs
		return true
	}
	for shorter := true; shorter && tries > 0; {
		shorter = false
		for size := len(blocks) / 2; size > 0; size /= 2 {
			for at := len(blocks) - size; at > 0; at -= size { // from the end: what comes late depends on more
				if try(slices.Concat(blocks[:at], blocks[at+size:])) {
					shorter = true
				}
			}
		}
		for i := range blocks {
			for k := range blocks[i] {
				if blocks[i][k] == 0 || i > 0 && k == 0 {
					continue
				}
				for _, v := range []uint32{0, blocks[i][k] / 2, blocks[i][k] - 1} {
					changed := slices.Clone(blocks)
					changed[i] = slices.Clone(blocks[i])
					changed[i][k] = v
					if try(changed) {
						shorter = true
						break
					}
				}
			}
		}
	}
	return blocks
}
