package statestore

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Destroy deletes the view in dir, on fs (nil: the disk), so that the next Open begins with an empty one. It refuses
// while a Store has it open, and where there are files that Pebble does not make. No directory is no error.
func Destroy(dir string, fs vfs.FS) error {
	if fs == nil {
		fs = vfs.Default
	}
	if err := destroy(dir, fs); err != nil {
		return &Error{dir, "destroy", err}
	}
	return nil
}

func destroy(dir string, fs vfs.FS) error {
	if _, err := fs.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	patterns := []string{"LOCK", "CURRENT", "MANIFEST-*", "OPTIONS-*", "*.log", "*.sst", "*.blob", "*.dbtmp",
		"marker.*", "temporary.*", "REMOTE-OBJ-CATALOG-*", "archive"}
	for _, name := range names {
		known := func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }
		if !slices.ContainsFunc(patterns, known) {
			return fmt.Errorf("%w: %s is no file of a view: is this the right directory?", ErrForeign, name)
		}
	}
	lock, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return fmt.Errorf("still open: %w", err)
	}
	// The lock's file goes with the rest; the lock is on the open file, so it holds until it is closed.
	return errors.Join(fs.RemoveAll(dir), lock.Close())
}
