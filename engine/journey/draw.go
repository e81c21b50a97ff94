package journey

// Sticky draws: rollout, holdout and the arms of a split.
//
// The bucket of a customer in a draw is a hash of (journey, name of the draw, customer) modulo 10,000. It decides who
// gets what for as long as a journey lives, across releases and machines: it must never change. It is FNV-1a with 64
// bits over the three texts, a zero byte behind each (so that "a","bc" and "ab","c" differ), followed
// by the finalizer of MurmurHash3, because FNV's low bits alone spread badly over small moduli.

// buckets is the number of buckets of a draw: shares are exact to a hundredth of a percent.
const buckets = 10_000

func bucket(journey, name, customer string) uint32 {
	return uint32(draw(journey, name, customer) % buckets)
}

// draw is the hash itself.
func draw(journey, name, customer string) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{journey, name, customer} {
		for i := 0; i < len(s); i++ {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h *= 1099511628211 // the zero byte
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Names of a journey's own draws. A split draws under splitDraw+NAME, so that no name of a split meets them.
const (
	rolloutDraw = "rollout"
	holdoutDraw = "holdout"
	splitDraw   = "split/"
	spreadDraw  = "spread/" // and the place of the trigger
	resumeDraw  = "resume"
)
