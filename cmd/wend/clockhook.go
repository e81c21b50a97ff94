package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"
)

// clockVariable names a file that holds by how many ms the shards' wall clock is off, as if somebody set the machine's:
// so a test steps the clock of one process. The file is read again every clockRead; while it cannot be read, or holds no
// number, the last offset stays.
const (
	clockVariable = "WEND_TEST_CLOCK"
	clockRead     = 100 * time.Millisecond
)

// clockHook gives the clock that the variable asks for, time.Now without it.
func clockHook(path string) (func() time.Time, error) {
	if path == "" {
		return time.Now, nil
	}
	read := func() (time.Duration, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		ms, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Duration(ms) * time.Millisecond, err
	}
	first, err := read()
	if err != nil {
		return nil, fmt.Errorf("%s=%s: want a file with a whole number of milliseconds: %w", clockVariable, path, err)
	}
	if now := time.Now(); step(now, time.Hour).Sub(now) != 0 || step(now, time.Hour).Round(0).Sub(now.Round(0)) != time.Hour {
		return nil, errors.New(clockVariable + ": this version of Go keeps its times in another way")
	}
	var offset, due atomic.Int64 // due: of the next reading, from the start
	offset.Store(int64(first))
	start := time.Now()
	return func() time.Time {
		now := time.Now()
		at := int64(now.Sub(start))
		if next := due.Load(); at >= next && due.CompareAndSwap(next, at+int64(clockRead)) {
			if d, err := read(); err == nil {
				offset.Store(int64(d))
			}
		}
		return step(now, time.Duration(offset.Load()))
	}, nil
}

// step moves the wall's reading of a time and leaves the monotonic one, which no method of time.Time does.
func step(t time.Time, by time.Duration) time.Time {
	const flag, nanoBits = uint64(1) << 63, 30
	bits := (*struct { // time.Time: a flag, 33 bits of seconds since 1885, 30 bits of nanoseconds
		wall uint64
		ext  int64
	})(unsafe.Pointer(&t))
	if bits.wall&flag == 0 { // no monotonic reading
		return t.Add(by)
	}
	wall := int64(bits.wall&^flag>>nanoBits)*int64(time.Second) + int64(bits.wall&(1<<nanoBits-1)) + int64(by)
	bits.wall = flag | uint64(wall/int64(time.Second))<<nanoBits | uint64(wall%int64(time.Second))
	return t
}
