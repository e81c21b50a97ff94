package expr

import (
	"fmt"
	"math"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"wend/engine/journey/localtime"
)

// Units in milliseconds.
const (
	second = 1000
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
	week   = 7 * day
)

// maxMillis keeps a duration within what 64 bits of nanoseconds hold (292 years).
const maxMillis = math.MaxInt64 / int64(time.Millisecond)

// parseDuration reads numbers with units, `1h30m`, as a sum. A leading minus turns it round.
func parseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration: write whole numbers with the units w, d, h, m, s, ms, such as 1h30m", s)
	rest, negative := strings.CutPrefix(s, "-")
	if rest == "" {
		return 0, bad
	}
	var sum int64
	for rest != "" {
		i := 0
		var n int64
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			n = n*10 + int64(rest[i]-'0')
			if n > maxMillis {
				return 0, fmt.Errorf("%q is too long a duration", s)
			}
			i++
		}
		if i == 0 {
			return 0, bad
		}
		rest = rest[i:]
		var unit int64
		switch {
		case strings.HasPrefix(rest, "ms"):
			unit, rest = 1, rest[2:]
		case strings.HasPrefix(rest, "s"):
			unit, rest = second, rest[1:]
		case strings.HasPrefix(rest, "m"):
			unit, rest = minute, rest[1:]
		case strings.HasPrefix(rest, "h"):
			unit, rest = hour, rest[1:]
		case strings.HasPrefix(rest, "d"):
			unit, rest = day, rest[1:]
		case strings.HasPrefix(rest, "w"):
			unit, rest = week, rest[1:]
		default:
			return 0, bad
		}
		if n > maxMillis/unit || sum > maxMillis-n*unit {
			return 0, fmt.Errorf("%q is too long a duration", s)
		}
		sum += n * unit
	}
	if negative {
		sum = -sum
	}
	return time.Duration(sum) * time.Millisecond, nil
}

// parseTime reads RFC 3339, or a date as its 00:00 in the zone.
func parseTime(s string, zone *time.Location) (time.Time, error) {
	if d, err := time.Parse(time.DateOnly, s); err == nil && inRange(d) {
		if zone == nil {
			zone = time.UTC
		}
		return time.UnixMilli(localtime.DayOn(d.Date()).At(0, zone)).In(zone), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !inRange(t.UTC()) {
		return time.Time{}, fmt.Errorf("%q is not a time: write RFC 3339, such as 2027-02-05T09:00:00Z, or a date, such as 2027-02-05", s)
	}
	return t, nil
}

// timeValue is the function time(x).
func timeValue(x, where ref.Val) ref.Val {
	z, ok := where.(*zone)
	if !ok {
		return types.NewErr("the zone is not known")
	}
	var at time.Time
	switch x := x.(type) {
	case types.Timestamp:
		return x
	case types.Int:
		at = time.UnixMilli(int64(x))
	case types.Double:
		if !(math.Abs(float64(x)) < 1<<53) {
			return types.NewErr("%v is not a time in milliseconds", float64(x))
		}
		at = time.UnixMilli(int64(math.Floor(float64(x))))
	case types.String:
		var err error
		if at, err = parseTime(string(x), z.loc); err != nil {
			return types.WrapErr(err)
		}
	default:
		return types.NewErr("%s is not a time", kindOf(x))
	}
	if at = at.UTC(); !inRange(at) {
		return types.NewErr("the time is outside the years 1 to 9999")
	}
	return types.Timestamp{Time: at}
}

// timeOptions declares what the language says of times.
func timeOptions() []cel.EnvOption {
	ts, s := cel.TimestampType, cel.StringType
	opts := []cel.EnvOption{
		cel.Function(overloads.TypeConvertDuration, cel.Overload("wend_duration", []*cel.Type{s}, cel.DurationType,
			cel.UnaryBinding(func(x ref.Val) ref.Val {
				d, err := parseDuration(string(x.(types.String)))
				if err != nil {
					return types.WrapErr(err)
				}
				return types.Duration{Duration: d}
			}))),
		// time(x) needs the customer's zone: the parser hands it over as a second argument.
		cel.Function("@time",
			cel.Overload("wend_time_int", []*cel.Type{cel.IntType, zoneType}, ts),
			cel.Overload("wend_time_double", []*cel.Type{cel.DoubleType, zoneType}, ts),
			cel.Overload("wend_time_string", []*cel.Type{s, zoneType}, ts),
			cel.Overload("wend_time_timestamp", []*cel.Type{ts, zoneType}, ts),
			cel.SingletonBinaryBinding(timeValue)),
		cel.Function("@index", cel.Overload("wend_index", []*cel.Type{cel.TypeParamType("A")}, cel.TypeParamType("A"),
			cel.UnaryBinding(func(x ref.Val) ref.Val {
				if _, fractional := x.(types.Double); fractional {
					return types.NewErr("an index is a whole number, not a fractional one")
				}
				return x
			}))),
		cel.Macros(
			cel.GlobalMacro("time", 1, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
				return h.NewCall("@time", args[0], h.NewIdent(zoneVar)), nil
			}),
			// The library takes 1.0 for an index; the language does not. A constant is judged at load instead.
			cel.GlobalMacro(operators.Index, 2, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
				if args[1].Kind() == ast.LiteralKind {
					return nil, nil
				}
				return h.NewCall(operators.Index, args[0], h.NewCall("@index", args[1])), nil
			}),
		),
	}
	// The library asks the machine for zones by name; these ask the embedded database.
	for name, get := range map[string]func(time.Time) int{
		overloads.TimeGetFullYear:     time.Time.Year,
		overloads.TimeGetMonth:        func(t time.Time) int { return int(t.Month()) - 1 },
		overloads.TimeGetDayOfYear:    func(t time.Time) int { return t.YearDay() - 1 },
		overloads.TimeGetDayOfMonth:   func(t time.Time) int { return t.Day() - 1 },
		overloads.TimeGetDate:         time.Time.Day,
		overloads.TimeGetDayOfWeek:    func(t time.Time) int { return int(t.Weekday()) },
		overloads.TimeGetHours:        time.Time.Hour,
		overloads.TimeGetMinutes:      time.Time.Minute,
		overloads.TimeGetSeconds:      time.Time.Second,
		overloads.TimeGetMilliseconds: func(t time.Time) int { return t.Nanosecond() / int(time.Millisecond) },
	} {
		opts = append(opts, cel.Function(name, cel.MemberOverload("wend_"+name, []*cel.Type{ts, s}, cel.IntType,
			cel.BinaryBinding(func(x, y ref.Val) ref.Val {
				at, ok := x.(types.Timestamp)
				if !ok {
					return types.NewErr("%s is not a timestamp", kindOf(x))
				}
				in, ok := y.(types.String)
				if !ok {
					return types.NewErr("%s is not the name of a time zone", kindOf(y))
				}
				loc, ok := zoneByName(string(in))
				if !ok {
					return types.NewErr("%q is not a time zone", string(in))
				}
				return types.Int(get(at.In(loc)))
			}))))
	}
	return opts
}

// zoneByName takes what CEL takes: a zone's name, an offset such as +08:00, and nothing for UTC.
func zoneByName(name string) (*time.Location, bool) {
	if name == "" {
		return time.UTC, true
	}
	if z, ok := LoadZone(name); ok {
		return z, true
	}
	if name[0] != '+' && name[0] != '-' {
		name = "+" + name
	}
	t, err := time.Parse("-07:00", name)
	if err != nil {
		return nil, false
	}
	_, off := t.Zone()
	return time.FixedZone(name, off), true
}

// zonedOverloads are the library's overloads that timeOptions replaces, by function.
func zonedOverloads() map[string]string {
	return map[string]string{
		overloads.TimeGetFullYear:     overloads.TimestampToYearWithTz,
		overloads.TimeGetMonth:        overloads.TimestampToMonthWithTz,
		overloads.TimeGetDayOfYear:    overloads.TimestampToDayOfYearWithTz,
		overloads.TimeGetDayOfMonth:   overloads.TimestampToDayOfMonthZeroBasedWithTz,
		overloads.TimeGetDate:         overloads.TimestampToDayOfMonthOneBasedWithTz,
		overloads.TimeGetDayOfWeek:    overloads.TimestampToDayOfWeekWithTz,
		overloads.TimeGetHours:        overloads.TimestampToHoursWithTz,
		overloads.TimeGetMinutes:      overloads.TimestampToMinutesWithTz,
		overloads.TimeGetSeconds:      overloads.TimestampToSecondsWithTz,
		overloads.TimeGetMilliseconds: overloads.TimestampToMillisecondsWithTz,
		overloads.TypeConvertDuration: overloads.StringToDuration,
	}
}
