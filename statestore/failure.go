package statestore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
)

var (
	// ErrClosed is what a Store returns behind its Close.
	ErrClosed = errors.New("closed")

	// ErrDamaged says that what is on the disk is not what a Store left there: a wrong checksum, a missing or shortened
	// file. Trying again is of no use; Destroy the directory and read the journal.
	ErrDamaged = errors.New("damaged")

	// ErrForeign says that the directory holds what this program neither uses nor removes: other files, another Pebble, a
	// view that a newer program wrote. Somebody has to look.
	ErrForeign = errors.New("foreign")
)

// Error is what a call that failed returns: of which view, and what was being done. One that is none of the above, nor
// about wrong use, is the disk's: it has an errno of the system's within (ENOSPC, EIO, …), and what failed may work later.
type Error struct {
	Dir   string
	Doing string
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("view %s: %s: %v", e.Dir, e.Doing, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// damaged tells bytes that no Store wrote, or that are missing, from a disk that does not do what it is asked.
func damaged(err error) bool {
	return pebble.IsCorruptionError(err) || errors.Is(err, os.ErrNotExist) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// unreadable marks an error of Pebble's Open: when no system call failed, it does not like what it read.
func unreadable(err error) error {
	var errno syscall.Errno
	if err == nil || errors.Is(err, ErrForeign) || damaged(err) || errors.As(err, &errno) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// wrap says which view, and what was being done.
func (s *Store) wrap(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case damaged(err) && !errors.Is(err, ErrDamaged):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &Error{s.dir, doing, err}
}

// lost is wrap for a call that Pebble could not carry out, or during which the Store broke: it is of no use any more. Of a
// Store that broke before, what broke it is told: a table that was not written any more reads as a damaged one.
func (s *Store) lost(doing string, err error) error {
	if err == nil || !errors.Is(err, pebble.ErrReadOnly) && !s.fail(err) {
		err = s.broken()
	}
	return s.wrap(doing, err)
}

// fail makes the Store broken; false: it was before. It is called with Pebble's locks held, again and again while Pebble
// tries again.
func (s *Store) fail(err error) bool {
	if !s.cause.CompareAndSwap(nil, &err) {
		return false
	}
	close(s.failed)
	if s.listener.Broken != nil {
		s.listener.Broken(err)
	}
	return true
}

func (s *Store) broken() error {
	if p := s.cause.Load(); p != nil {
		return fmt.Errorf("broken: %w", *p)
	}
	return nil
}

// logger takes the place of Pebble's, whose Fatalf ends the process. After ours Pebble goes on, with an error to its
// caller where it has one (a failed write of the manifest, a failed open); the Store is broken then, so what Pebble
// holds in memory is asked for no more. What its Infof and Errorf say comes as events too.
type logger struct{ s *Store }

func (l logger) Infof(string, ...any)  {}
func (l logger) Errorf(string, ...any) {}
func (l logger) Fatalf(format string, args ...any) {
	f := &fatal{text: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			f.cause = err
		}
	}
	l.s.fail(f)
}

// fatal is what Pebble would have died of.
type fatal struct {
	text  string
	cause error // which is in the text, if there is one
}

func (f *fatal) Error() string { return f.text }
func (f *fatal) Unwrap() error { return f.cause }

// panicked makes an error of what Pebble panicked with.
func panicked(r any) error {
	if err, ok := r.(error); ok {
		return err
	}
	return fmt.Errorf("%v", r)
}
