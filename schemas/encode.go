package schemas

// The form of a document. One byte that names it, 2, and a MessagePack map:
//
//   - What has parts that may come and go (Document, JourneyState, Enrollment) is a map from small whole numbers, the
//     constants below, to values; a part that is zero or empty is left out. A reader passes over keys it does not know.
//   - What is small and always whole (Cause, Visit, …) is an array. A reader takes missing elements at the end for zero
//     and passes over further ones.
//
// So a later release adds keys, or elements at the end of an array, and still reads what this one wrote; a number once
// given is never used for anything else. This release reads what that one wrote, but drops what it does not know when
// it writes the document again: where that would be wrong the leading byte must change, and then it refuses instead.
//
// Order is fixed, so equal documents are equal bytes. Recent and Trail stand before all texts, so that the copy that the decoder
// keeps for texts has no dead bytes in it.
const documentFormat = 2

// documentFormatApart is that of a document whose ids are apart in part (Recent.Split): a release that does not know that would
// take events twice, so it must refuse.
const documentFormatApart = 3

// Format 1 had the states of journeys one in another, under keyDocJourneys, each with its name.
const documentFormat1 = 1

const (
	keyDocTime     = 1 // absent: NoTime
	keyDocRecent   = 2
	keyDocProfile  = 3
	keyDocJourneys = 4 // of format 1
	keyDocTallies  = 8
	keyDocSeries   = 10
	keyDocScores   = 11
	keyDocLooks    = 12
	keyDocKnown    = 13
	keyDocArmed    = 9
	keyDocTrail    = 14
	keyDocStates   = 15
	keyDocApart    = 16 // how many ids are apart
)

const (
	keyStateJourney = 1 // of format 1
	keyStateEntries = 2
	keyStateEntered = 3
	keyStateCounts  = 4
	keyStateRunning = 5
	keyStateEnded   = 6
	keyStateTimers  = 9
)

const (
	keyNumber     = 1 // always there
	keyVersion    = 2
	keyKey        = 3
	keyEntered    = 4
	keyHoldout    = 5
	keyEnter      = 6
	keyEnterCause = 7
	keyEvent      = 8
	keyCause      = 9
	keyStep       = 10
	keyArrived    = 11
	keyDue        = 12 // absent: Never
	keyResets     = 13
	keyArmed      = 14
	keyEarly      = 15
	keyMoved      = 16
	keyVisits     = 17
	keySent       = 18
	keyVariant    = 19
	keyCounts     = 20
	keyExpires    = 21
	keyRounds     = 22
	keyDeferred   = 26
	keySince      = 30
	keyHeld       = 31
)

// Append adds the document's encoded form to dst and returns it. Equal documents give equal bytes. Nothing of the
// document is kept, and nothing is allocated but what dst needs.
func (d *Document) Append(dst []byte) []byte {
	format := byte(documentFormat)
	if d.Recent.before > 0 {
		format = documentFormatApart
	}
	dst = append(dst, format)
	head, n := len(dst), byte(0)
	dst = append(dst, 0)
	if d.Time != NoTime {
		dst, n = appendInt(append(dst, keyDocTime), d.Time), n+1
	}
	if len(d.Recent.entries) > 0 {
		dst, n = d.Recent.append(append(dst, keyDocRecent)), n+1
	}
	if d.Recent.before > 0 {
		dst, n = appendUint(append(dst, keyDocApart), uint64(d.Recent.before)), n+1
	}
	if len(d.Trail.entries) > 0 {
		dst, n = append(appendBin(append(dst, keyDocTrail), len(d.Trail.entries)), d.Trail.entries...), n+1
	}
	if len(d.Profile) > 0 {
		dst, n = appendFields(append(dst, keyDocProfile), d.Profile), n+1
	}
	if d.Journeys.Len() > 0 {
		dst, n = d.Journeys.append(append(dst, keyDocStates)), n+1
	}
	if len(d.Tallies) > 0 {
		dst, n = appendArray(append(dst, keyDocTallies), len(d.Tallies)), n+1
		for i := range d.Tallies {
			dst = appendTimes(appendString(append(dst, 0x92), d.Tallies[i].Channel), d.Tallies[i].Times)
		}
	}
	if len(d.Series) > 0 {
		dst, n = appendArray(append(dst, keyDocSeries), len(d.Series)), n+1
		for i := range d.Series {
			dst = d.Series[i].append(dst)
		}
	}
	if len(d.Scores) > 0 {
		dst, n = appendArray(append(dst, keyDocScores), len(d.Scores)), n+1
		for i := range d.Scores {
			dst = d.Scores[i].append(dst)
		}
	}
	if len(d.Looks) > 0 {
		dst, n = appendLooks(append(dst, keyDocLooks), d.Looks), n+1
	}
	if d.Known != 0 {
		dst, n = appendUint(append(dst, keyDocKnown), d.Known), n+1
	}
	if d.Armed != 0 {
		dst, n = appendUint(append(dst, keyDocArmed), d.Armed), n+1
	}
	dst[head] = 0x80 | n
	return dst
}

func (s *JourneyState) append(dst []byte) []byte {
	head, n := len(dst), byte(0)
	dst = append(dst, 0)
	if s.Entries != 0 {
		dst, n = appendUint(append(dst, keyStateEntries), s.Entries), n+1
	}
	if len(s.Entered) > 0 {
		dst, n = appendArray(append(dst, keyStateEntered), len(s.Entered)), n+1
		for i := range s.Entered {
			x := &s.Entered[i]
			if x.Key == "" {
				dst = appendInt(append(dst, 0x91), x.At)
			} else {
				dst = appendString(appendInt(append(dst, 0x92), x.At), x.Key)
			}
		}
	}
	if len(s.Counts) > 0 {
		dst, n = appendCounts(append(dst, keyStateCounts), s.Counts), n+1
	}
	if len(s.Running) > 0 {
		dst, n = appendEnrollments(append(dst, keyStateRunning), s.Running), n+1
	}
	if len(s.Ended) > 0 {
		dst, n = appendEnrollments(append(dst, keyStateEnded), s.Ended), n+1
	}
	if len(s.Timers) > 0 {
		dst, n = appendArray(append(dst, keyStateTimers), len(s.Timers)), n+1
		for i := range s.Timers {
			dst = s.Timers[i].append(dst)
		}
	}
	dst[head] = 0x80 | n
	return dst
}

// append leaves Fired out where nothing is in it, which is the rule.
func (t *TriggerTimer) append(dst []byte) []byte {
	head := byte(0x94)
	if len(t.Fired) > 0 {
		head = 0x95
	}
	dst = appendUint(appendString(append(dst, head), t.Trigger), uint64(t.Spec))
	dst = appendInt(appendInt(dst, t.Due), t.Of)
	if len(t.Fired) > 0 {
		dst = appendArray(dst, len(t.Fired))
		for _, day := range t.Fired {
			dst = appendInt(dst, day)
		}
	}
	return dst
}

func appendEnrollments(dst []byte, list []Enrollment) []byte {
	dst = appendArray(dst, len(list))
	for i := range list {
		dst = list[i].append(dst)
	}
	return dst
}

func (e *Enrollment) append(dst []byte) []byte {
	head, n := len(dst), byte(1)
	dst = append(dst, 0xde, 0, 0) // a map of up to 65,535 entries: there may be more than the 15 that fit one byte
	dst = appendUint(append(dst, keyNumber), e.Number)
	if e.Version != 0 {
		dst, n = appendUint(append(dst, keyVersion), e.Version), n+1
	}
	if e.Key != "" {
		dst, n = appendString(append(dst, keyKey), e.Key), n+1
	}
	if e.Entered != 0 {
		dst, n = appendInt(append(dst, keyEntered), e.Entered), n+1
	}
	if e.Holdout {
		dst, n = append(dst, keyHoldout, 0xc3), n+1
	}
	if len(e.Enter) > 0 {
		dst, n = appendFields(append(dst, keyEnter), e.Enter), n+1
	}
	if e.EnterCause != (Cause{}) {
		dst, n = e.EnterCause.append(append(dst, keyEnterCause)), n+1
	}
	if len(e.Event) > 0 {
		dst, n = appendFields(append(dst, keyEvent), e.Event), n+1
	}
	if e.Cause != (Cause{}) {
		dst, n = e.Cause.append(append(dst, keyCause)), n+1
	}
	if e.Step != "" {
		dst, n = appendString(append(dst, keyStep), e.Step), n+1
	}
	if e.Arrived != 0 {
		dst, n = appendInt(append(dst, keyArrived), e.Arrived), n+1
	}
	if e.Due != Never {
		dst, n = appendInt(append(dst, keyDue), e.Due), n+1
	}
	if e.Resets != 0 {
		dst, n = appendInt(append(dst, keyResets), int64(e.Resets)), n+1
	}
	if e.Armed != 0 {
		dst, n = appendUint(append(dst, keyArmed), e.Armed), n+1
	}
	if len(e.Early) > 0 {
		dst, n = appendEarly(append(dst, keyEarly), e.Early), n+1
	}
	if len(e.Moved) > 0 {
		dst, n = appendArray(append(dst, keyMoved), len(e.Moved)), n+1
		for _, id := range e.Moved {
			dst = appendString(dst, id)
		}
	}
	if len(e.Visits) > 0 {
		dst, n = appendVisits(append(dst, keyVisits), e.Visits), n+1
	}
	if len(e.Sent) > 0 {
		dst, n = appendArray(append(dst, keySent), len(e.Sent)), n+1
		for i := range e.Sent {
			x := &e.Sent[i]
			if len(x.Before) == 0 {
				dst = appendInt(appendString(appendString(append(dst, 0x93), x.ID), x.ActionID), x.At)
				continue
			}
			dst = appendInt(appendString(appendString(append(dst, 0x94), x.ID), x.ActionID), x.At)
			dst = appendTimes(dst, x.Before)
		}
	}
	if len(e.Variant) > 0 {
		dst, n = appendVariants(append(dst, keyVariant), e.Variant), n+1
	}
	if len(e.Counts) > 0 {
		dst, n = appendCounts(append(dst, keyCounts), e.Counts), n+1
	}
	if len(e.Rounds) > 0 {
		dst, n = appendVisits(append(dst, keyRounds), e.Rounds), n+1
	}
	if e.Expires != 0 {
		dst, n = appendInt(append(dst, keyExpires), e.Expires), n+1
	}
	if len(e.Deferred) > 0 {
		dst, n = appendArray(append(dst, keyDeferred), len(e.Deferred)), n+1
		for i := range e.Deferred {
			dst = e.Deferred[i].append(dst)
		}
	}
	if len(e.Since) > 0 {
		dst, n = appendSince(append(dst, keySince), e.Since), n+1
	}
	if len(e.Held) > 0 {
		dst, n = appendEarly(append(dst, keyHeld), e.Held), n+1
	}
	dst[head+2] = n
	return dst
}

func appendEarly(dst []byte, list []Early) []byte {
	dst = appendArray(dst, len(list))
	for i := range list {
		x := &list[i]
		dst = appendInt(appendString(append(dst, 0x94), x.Step), int64(x.Index))
		dst = appendFields(x.Cause.append(dst), x.Event)
	}
	return dst
}

func appendVisits(dst []byte, list []Visit) []byte {
	dst = appendArray(dst, len(list))
	for i := range list {
		dst = appendUint(appendString(append(dst, 0x92), list[i].Step), list[i].Count)
	}
	return dst
}

func (c *Cause) append(dst []byte) []byte {
	return appendString(appendString(appendInt(append(dst, 0x93), c.Time), c.Type), c.EventID)
}

func (x *Deferred) append(dst []byte) []byte {
	dst = appendString(appendString(append(dst, 0x9c), x.Step), x.ActionID)
	dst = appendString(appendString(dst, x.Channel), x.Template)
	dst = appendVariants(appendFields(dst, x.Params), x.Variant)
	dst = appendInt(appendInt(x.Cause.append(dst), x.Reached), x.Armed)
	return appendBool(appendInt(appendInt(dst, x.Due), x.Expire), x.Kept)
}

func appendVariants(dst []byte, list []Variant) []byte {
	dst = appendArray(dst, len(list))
	for i := range list {
		dst = appendString(appendString(append(dst, 0x92), list[i].Split), list[i].Arm)
	}
	return dst
}

func appendCounts(dst []byte, list []Count) []byte {
	dst = appendArray(dst, len(list))
	for i := range list {
		x := &list[i]
		dst = appendString(appendString(append(dst, 0x93), x.Trigger), x.Key)
		dst = appendTimes(dst, x.Times)
	}
	return dst
}

// appendTimes writes the first time and then the steps from one to the next, which are small.
func appendTimes(dst []byte, times []int64) []byte {
	dst = appendArray(dst, len(times))
	last := int64(0)
	for _, t := range times {
		dst = appendInt(dst, t-last)
		last = t
	}
	return dst
}

func appendFields(dst []byte, f Fields) []byte {
	dst = appendMap(dst, len(f))
	for i := range f {
		dst = appendValue(appendString(dst, f[i].Name), f[i].Value, 0)
	}
	return dst
}
