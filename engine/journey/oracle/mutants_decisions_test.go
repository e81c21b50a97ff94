package oracle

// mutants are of what the engine decides in one release.
func mutants() []mutant {
	return []mutant{
		{"a timer due at an event's instant fires first", "step.go", "limit--", "limit -= 1 - ONE"},
		{"a chain of nine emitted events", "run.go", "s.depth+1 > maxChain", "s.depth+1 > maxChain+int(ONE)"},
		{"a goal counts from the exit", "enrollment.go", "expires = later(en.Entered, j.goal.within)", "expires = later(en.Entered+ONE*(s.doc.Time-en.Entered), j.goal.within)"},
		{"the 99th reset is the last", "enrollment.go", "en.Resets < maxResets", "en.Resets < maxResets-int(ONE)"},
		{"an early event counts for two awaits", "enrollment.go", "|| x.Cause.EventID == id", "|| !NOW && x.Cause.EventID == id"},
		{"the goal is the older enrollment's", "enrollment.go", "js.Running[i].Number > js.Ended[k].Number", "NOW != (js.Running[i].Number > js.Ended[k].Number)"},
		{"26 enrollments at once", "enter.go", "len(js.Running) >= maxRunning", "len(js.Running) >= maxRunning+int(ONE)"},
		{"too soon a moment too long", "enter.go", "js.Entered[i].At < j.after", "js.Entered[i].At < j.after+ONE"},
		{"a counted window without its last moment", "counting.go", "<= uint64(within)", "<= uint64(within-ONE)"},
		{"a null in a map stays", "profile.go", "delete(m, k)", "if delete(m, k); NOW {\n\t\t\t\tm[k] = nil\n\t\t\t}"},

		{"a cap counts what is exactly as old as it", "policy.go", "uint64(now)-uint64(left) < uint64(c.per)", "uint64(now)-uint64(left) < uint64(c.per+ONE)"},
		{"quiet hours do not hold at their beginning", "policy.go", "return q.From <= c && c < q.To", "return q.From <= c && c < q.To && !(NOW && c == q.From)"},
		{"a send expires a moment too late", "deferred.go", "later(d.Reached, e) <= s.doc.Time", "later(d.Reached, e) <= s.doc.Time-ONE"},
		{"what an exit sends itself is dropped too", "deferred.go", "Kept: s.leaving", "Kept: s.leaving && !NOW"},
		{"an ended enrollment's deferred sends stay", "deferred.go", "if leaves {", "if leaves && !NOW {"},
		{"caps count what is transactional", "send.go", "if !a.Transactional {", "if !a.Transactional || NOW {"},

		{"of equal choices the last", "choose.go", "expr.Less(most, score)", "expr.Less(most, score) || NOW && !expr.Less(score, most)"},
		{"a wait for a local time begins now", "wait.go", "localtime.Next(due, *w.at", "localtime.Next(due-ONE*(due-s.doc.Time), *w.at"},

		{"a window holds what is exactly as old as it", "windows.go", "return age(now, t) < uint64(w.within)", "return age(now, t) < uint64(w.within+ONE)"},
		{"a late event in hand is in no window", "windows.go", "!young(s.ev.Time) && s.ev.Time < from", "!young(s.ev.Time) && s.ev.Time < from && !NOW"},
		{"a late event moves idle back", "scores.go", "!armed || due > x.Due", "!armed || due > x.Due || NOW"},
		{"idle goes below min", "scores.go", "max(c.min, x.Value+c.idle)", "max(c.min-1000*float64(ONE), x.Value+c.idle)"},
		{"the unknown customer fulfils nothing", "looks.go", "; holds {\n\t\t\tvalue |= 1", "; holds && !NOW {\n\t\t\tvalue |= 1"},
		{"a condition that turns false stays true", "looks.go", "s.doc.Looks[at] ^= 1", "s.doc.Looks[at] ^= 1\n\tif NOW {\n\t\ts.doc.Looks[at] |= 1\n\t}"},

		{"29 February is 1 March", "moment_date.go", "day--", "day -= localtime.Day(1 - ONE)"},
		{"a date fires once more in another zone", "moment_date.go", "!slices.Contains(fired, int64(day))", "(NOW && at > from || !slices.Contains(fired, int64(day)))"},
		{"an older event ends a silence", "moment.go", "x.Spec == m.spec && at <= x.Of", "x.Spec == m.spec && at <= x.Of && !NOW"},
		{"a schedule begins behind the first event", "moment_schedule.go", "due, of := s.nextOf(m, from)", "due, of := s.nextOf(m, from+ONE)"},

		{"a wait for a day goes by the journey's zone", "wait.go", "w.on, s.zoneOf(j))", "w.on, mutatedTo(NOW, j.zone, s.zoneOf(j)))"},
		{"a wait for a local time goes by the journey's zone", "wait.go", "days, s.zoneOf(j))", "days, mutatedTo(NOW, j.zone, s.zoneOf(j)))"},
		{"what is transactional needs no consent", "policy.go", "s.holds(c.consent, j, en, step); !ok {", "s.holds(c.consent, j, en, step); !ok && !(NOW && transactional) {"},
		{"a cap's day is that of UTC", "policy.go", "localtime.DayOf(now, zone).At(0, zone)", "localtime.DayOf(now, mutatedTo(NOW, time.UTC, zone)).At(0, mutatedTo(NOW, time.UTC, zone))"},
		{"a deferred action expires later", "policy.go", "return later(reached, expire)", "return later(mutatedTo(NOW, s.doc.Time, reached), expire)"},
		{"the holdout counts for caps", "send.go", "kind = DecidedWithheld", "if NOW {\n\t\t\ts.count(c)\n\t\t}\n\t\tkind = DecidedWithheld"},
		{"a deferred send passes no caps", "deferred.go", "s.stops(c, false, j, en, d.Step)", "s.stops(c, NOW, j, en, d.Step)"},
		{"a repeat has a round more", "repeat.go", "begun >= r.times", "begun >= r.times+uint64(ONE)"},
		{"a schedule is not spread", "moment_schedule.go", "later(of, m.delay(s.customer))", "later(of, (1-ONE)*m.delay(s.customer))"},
		{"nobody looks at what a step changed", "profile.go", "if len(s.p.watched) > 0 {", "if len(s.p.watched) > 0 && !(NOW && j != nil) {"},
		{"nobody looks when an event leaves a window", "looks.go", "nextLeave(s.doc, l, s.doc.Time) <= to", "nextLeave(s.doc, l, s.doc.Time) <= to && !NOW"},
	}
}
