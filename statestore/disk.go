package statestore

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the filesystem as a Store's Pebble has it. It adds two things.
//
// A write that fails makes the Store broken, and Pebble does not hear of it: it is told that all went well, then and
// from then on, and nothing of what it writes goes to the disk any more. The naive way is to let it see the error. It
// means to end the process where a write of the manifest fails (logger.Fatalf); going on, it flushes the same memtable
// again, and the manifest holds both flushes in the end, over which a compaction panics in every process from then on. It
// panics on a goroutine of its own where a directory cannot be synced. It tries a flush for ever, without a pause, and
// its Open waits for that. This way what is on the disk is what was there when the write failed, a prefix as after a
// crash, and Pebble comes to a clean end; what it holds in memory meanwhile nobody asks for.
//
// And a new manifest's name is durable before anything can point to it. Pebble makes the manifest, writes and syncs it,
// makes the marker that names it, and only then syncs the directory that holds both names. A filesystem may keep the
// marker's name alone when the power goes just then (ext4 and xfs keep the order, others need not), and a view that was
// whole does not open any more. Manifests are made when a view is opened and seldom after: one more sync costs nothing.
type disk struct {
	vfs.FS
	s *Store
}

func (d disk) Unwrap() vfs.FS { return d.FS }

func (d disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f := d.file(func() (vfs.File, error) { return d.FS.Create(name, category) })
	if strings.HasPrefix(d.PathBase(name), "MANIFEST-") {
		d.s.write(func() error {
			dir, err := d.FS.OpenDir(d.PathDir(name))
			if err != nil {
				return err
			}
			return errors.Join(dir.Sync(), dir.Close())
		})
	}
	return f, nil
}

func (d disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return d.file(func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, o...) }), nil
}

func (d disk) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.file(func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, category) }), nil
}

func (d disk) OpenDir(name string) (vfs.File, error) {
	return d.file(func() (vfs.File, error) { return d.FS.OpenDir(name) }), nil // it is opened to be synced
}

func (d disk) file(open func() (vfs.File, error)) vfs.File {
	f := diskFile{nowhere{}, d.s}
	d.s.write(func() error {
		file, err := open()
		if err == nil {
			f.File = file
		}
		return err
	})
	return f
}

func (d disk) Link(from, to string) error {
	d.s.write(func() error { return d.FS.Link(from, to) })
	return nil
}

func (d disk) Rename(from, to string) error {
	d.s.write(func() error { return d.FS.Rename(from, to) })
	return nil
}

// Remove takes away what is not needed any more, if Pebble is right about that. It may fail.
func (d disk) Remove(name string) error {
	if d.s.broken() != nil {
		return nil
	}
	return d.FS.Remove(name)
}

// diskFile is a file or a directory.
type diskFile struct {
	vfs.File
	s *Store
}

func (f diskFile) Write(b []byte) (int, error) {
	f.s.write(func() error { _, err := f.File.Write(b); return err })
	return len(b), nil
}

func (f diskFile) WriteAt(b []byte, at int64) (int, error) {
	f.s.write(func() error { _, err := f.File.WriteAt(b, at); return err })
	return len(b), nil
}

func (f diskFile) Sync() error {
	f.s.write(f.File.Sync)
	return nil
}

func (f diskFile) SyncData() error {
	f.s.write(f.File.SyncData)
	return nil
}

func (f diskFile) SyncTo(length int64) (full bool, err error) {
	f.s.write(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, nil
}

// Close of a file that is written may be where the system tells that a write failed.
func (f diskFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.s.fail(err)
	}
	return nil
}

// write does one operation that writes, unless one failed before.
func (s *Store) write(do func() error) {
	if s.broken() == nil {
		if err := do(); err != nil {
			s.fail(err)
		}
	}
}

// nowhere is a file that could not be made.
type nowhere struct{}

var errNowhere = errors.New("the file could not be made")

func (nowhere) Close() error                           { return nil }
func (nowhere) Read([]byte) (int, error)               { return 0, errNowhere }
func (nowhere) ReadAt([]byte, int64) (int, error)      { return 0, errNowhere }
func (nowhere) Write(b []byte) (int, error)            { return len(b), nil }
func (nowhere) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nowhere) Preallocate(int64, int64) error         { return nil }
func (nowhere) Stat() (vfs.FileInfo, error)            { return nil, errNowhere }
func (nowhere) Sync() error                            { return nil }
func (nowhere) SyncTo(int64) (bool, error)             { return true, nil }
func (nowhere) SyncData() error                        { return nil }
func (nowhere) Prefetch(int64, int64) error            { return nil }
func (nowhere) Fd() uintptr                            { return vfs.InvalidFd }
