//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package engine

import (
	"errors"
	"os"
)

// lockOpenFile: without a lock two processes could share a directory, which is worse than not to run.
func lockOpenFile(*os.File) error { return errors.ErrUnsupported }
