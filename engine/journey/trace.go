package journey

import (
	"strconv"
	"strings"
	"time"

	"wend/engine/journey/expr"
	"wend/schemas"
)

// String is the decision as a line of a trace, its time in UTC ahead.
func (d *Decision) String() string {
	return expr.FormatTime(d.Time, time.UTC) + " " + d.Text()
}

// Text is the decision as a line of a trace, without its time: journey#enrollment, step, what, why.
func (d *Decision) Text() string {
	var b strings.Builder
	word := func(s string) {
		if s != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(s)
		}
	}
	if d.Journey != "" {
		who := d.Journey
		if d.Key != "" {
			who += "/" + d.Key
		}
		if d.Enrollment > 0 {
			who += "#" + strconv.FormatUint(d.Enrollment, 10)
		}
		word(who)
	}
	word(d.Step)
	word(d.Kind.String())
	word(d.Reason)
	if d.Detail != "" {
		word("(" + d.Detail + ")")
	}
	if d.Kind == DecidedWaiting || d.Kind == DecidedDeferred || d.Kind == DecidedUpdated || d.Kind == DecidedMoved && d.Due != 0 {
		if d.Due == schemas.Never {
			word("until an event comes")
		} else {
			word("until " + expr.FormatTime(d.Due, time.UTC))
		}
	}
	switch d.Kind {
	case DecidedEntered, DecidedRefused, DecidedMoved, DecidedGoal, DecidedExit, DecidedDuplicate, DecidedHeld:
		if d.Cause.Type != "" {
			word("by " + d.Cause.Type)
			word(d.Cause.EventID)
		}
	}
	return b.String()
}
