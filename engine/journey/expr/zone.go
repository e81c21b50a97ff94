package expr

import "time"

// LoadZone returns the named time zone.
func LoadZone(name string) (*time.Location, bool) {
	z, err := time.LoadLocation(name)
	return z, err == nil
}

// FormatTime writes a time in milliseconds since 1970 as RFC 3339 in the zone.
func FormatTime(ms int64, zone *time.Location) string {
	return time.UnixMilli(ms).In(zone).Format(time.RFC3339Nano)
}
