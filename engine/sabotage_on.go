//go:build sabotage

package engine

import "os"

// WEND_TEST_SABOTAGE names the protection to leave out: claim or look.
var (
	withoutClaim = os.Getenv("WEND_TEST_SABOTAGE") == "claim"
	withoutLook  = os.Getenv("WEND_TEST_SABOTAGE") == "look"
)
