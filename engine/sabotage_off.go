//go:build !sabotage

package engine

// The protections that a build with the tag sabotage can leave out, so that tests are seen to fail without them.
const (
	withoutClaim        = false
	withoutLook         = false
	withoutAgain        = false
	withoutAsk          = false
	withoutClock        = false
	withoutCursor       = false
	withoutJournalFirst = false
)
