package diff

import (
	"reflect"
	"slices"
	"strings"

	"wend/schemas"
)

// Which action of one workspace is which of the other? An action's id tells it only while both let the customer in
// equally often: an entry that one of them refuses shifts the numbers of all that follow. So three looks are taken, each
// at what the one before left:
//
//  1. the same step of the same key at the same time,
//  2. the same step of the same key, moved there by the same event: only the time is another,
//  3. the same id.
//
// Actions of different channels never match: whoever gets an e-mail in place of a push loses one and gains the other.

// sameDecision names the step of an action with the journey, customer and key, without the two numbers of its id.
func sameDecision(a *schemas.Action) string {
	id := a.ID
	if visit := strings.LastIndexByte(id, '/'); visit > 0 {
		step := strings.LastIndexByte(id[:visit], '/')
		number := strings.LastIndexByte(id[:max(step, 0)], '/')
		if number > 0 && strings.IndexByte(id[:number], '/') >= 0 {
			return id[:number] + id[step:visit] + "\x00" + a.Channel
		}
	}
	return id + "\x00" + a.Channel
}

// same reports whether a customer gets the same at the same time.
func same(a, b *schemas.Action) bool {
	if a.DecidedAt != b.DecidedAt || a.Channel != b.Channel || a.Journey != b.Journey || a.Step != b.Step {
		return false
	}
	if a.ID != b.ID && sameDecision(a) != sameDecision(b) {
		return false
	}
	r := compare(a, b)
	return !r.Time && !r.Variant && !r.Content
}

// compare tells how two actions differ in what the customer gets. That enrollments count differently is no difference.
func compare(a, b *schemas.Action) Row {
	return Row{
		Customer: a.Customer, Before: a, After: b,
		Time:    a.DecidedAt != b.DecidedAt,
		Variant: !sameVariant(a.Variant, b.Variant),
		Content: a.Template != b.Template || a.Transactional != b.Transactional ||
			expiry(a) != expiry(b) || !reflect.DeepEqual(orNone(a.Params), orNone(b.Params)),
	}
}

// expiry is how long an action is good, so that another time alone is no other content.
func expiry(a *schemas.Action) int64 {
	if a.ExpiresAt == 0 {
		return -1
	}
	return a.ExpiresAt - a.DecidedAt
}

func orNone(f schemas.Fields) schemas.Fields {
	if len(f) == 0 {
		return nil
	}
	return f
}

// sameVariant compares the arms taken, whatever the order in which an enrollment came to them.
func sameVariant(a, b []schemas.Variant) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

// match pairs what both workspaces decided for one customer; what has no pair is lost or gained.
func match(name string, before, after []schemas.Action) []Row {
	var rows []Row
	paired := make([]bool, len(after))
	left := make([]int, len(before))
	for i := range left {
		left[i] = i
	}
	steps, afterSteps := decisions(before), decisions(after)
	for _, key := range []func(a *schemas.Action, step string) any{
		func(a *schemas.Action, step string) any {
			return struct {
				step string
				at   int64
			}{step, a.DecidedAt}
		},
		func(a *schemas.Action, step string) any { return struct{ step, event string }{step, causeText(a)} },
		func(a *schemas.Action, _ string) any { return struct{ id, channel string }{a.ID, a.Channel} },
	} {
		if len(left) == 0 || len(rows) == len(after) {
			break
		}
		waiting := map[any][]int{}
		for i := range after {
			if !paired[i] {
				k := key(&after[i], afterSteps[i])
				waiting[k] = append(waiting[k], i)
			}
		}
		left = slices.DeleteFunc(left, func(i int) bool {
			k := key(&before[i], steps[i])
			list := waiting[k]
			if len(list) == 0 {
				return false
			}
			waiting[k], paired[list[0]] = list[1:], true
			rows = append(rows, compare(&before[i], &after[list[0]]))
			return true
		})
	}
	for _, i := range left {
		rows = append(rows, Row{Customer: name, Before: &before[i]})
	}
	for i := range after {
		if !paired[i] {
			rows = append(rows, Row{Customer: name, After: &after[i]})
		}
	}
	return rows
}

func decisions(list []schemas.Action) []string {
	steps := make([]string, len(list))
	for i := range list {
		steps[i] = sameDecision(&list[i])
	}
	return steps
}

func causeText(a *schemas.Action) string { return a.Cause.Type + "\x00" + a.Cause.EventID }
