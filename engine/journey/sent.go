package journey

import (
	"slices"
	"strconv"
	"strings"

	"wend/schemas"
)

// What an enrollment remembers of its sends. A repeat leads to a send again, and feedback on each of its actions is
// feedback on this very send: so the visits whose actions left before stay beside the last.

// maxBefore is how many earlier actions of a send are remembered, the newest.
const maxBefore = 127

// keepBefore is what is remembered of a send whose next action leaves.
func keepBefore(sent *schemas.Sent) []int64 {
	_, visit, ok := splitActionID(sent.ActionID)
	if !ok {
		return sent.Before
	}
	before := sent.Before
	if over := len(before) - maxBefore + 1; over > 0 {
		before = before[:copy(before, before[over:])]
	}
	return append(before, visit)
}

// sentBefore reports whether an action id is that of an earlier action of a send.
func sentBefore(sent *schemas.Sent, actionID string) bool {
	if len(sent.Before) == 0 {
		return false
	}
	same, _, _ := splitActionID(sent.ActionID)
	step, visit, ok := splitActionID(actionID)
	return ok && step == same && slices.Contains(sent.Before, visit)
}

// splitActionID parts an action id as schemas.ActionID makes it in all but the visit, and the visit.
func splitActionID(id string) (step string, visit int64, ok bool) {
	i := strings.LastIndexByte(id, '/')
	visit, err := strconv.ParseInt(id[i+1:], 10, 64)
	if i < 0 || err != nil || strconv.FormatInt(visit, 10) != id[i+1:] {
		return "", 0, false
	}
	return id[:i], visit, true
}
