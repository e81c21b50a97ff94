//go:build sabotage

package engine

import "os"

// WEND_TEST_SABOTAGE names the protection to leave out.
var (
	withoutClaim        = without("claim")         // whoever is given a shard owns it, and writes as nobody
	withoutLook         = without("look")          // what is owed is sent without looking whether it is there
	withoutAgain        = without("again")         // a refused sequence is taken for loss
	withoutAsk          = without("ask")           // what is handled is taken for all that the source holds
	withoutClock        = without("clock")         // the wall clock is believed, wherever it steps
	withoutCursor       = without("cursor")        // a timer below the cursor does not move it back
	withoutJournalFirst = without("journal-first") // actions go out before their unit is acknowledged
)

func without(name string) bool { return os.Getenv("WEND_TEST_SABOTAGE") == name }
