package statestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The manifest is the list of the tables that count. Pebble takes what it can read of it, up to the first byte that is
// wrong, for all that was ever written (cockroachdb/pebble#4560). Mostly that is right: a crash leaves such an end, and
// what stands before it is an older state of the view, or names tables that are gone, which is told. Twice it is wrong,
// and Pebble opens the view all the same.
//
//   - Without the marker that names the manifest, the directory is taken for an empty view.
//   - A manifest begins with a snapshot, which names tables and not the sequence number that the database has come to;
//     that comes with the edit behind it, and both are synced before the marker names the file. With the snapshot alone
//     Pebble counts from its first number. What the tables hold is above that: it is not seen, until as much has been
//     written again; then it covers what is newer. The format's key is not seen either, so it is written under the number
//     that it has already, and the compaction that meets it twice ends the process.

// checkManifest tells what is wrong with the manifest and Pebble would not tell. What Pebble tells it leaves to Open.
func checkManifest(dir string, fs vfs.FS) error {
	d, err := pebble.Peek(dir, fs)
	if err != nil {
		return nil //nolint:nilerr // there is no directory yet, or Open says what is wrong
	}
	if !d.Exists {
		return beheaded(dir, fs)
	}
	f, err := fs.Open(d.ManifestFilename)
	if errors.Is(err, os.ErrNotExist) {
		return nil // Open says so, unless another process has the view
	}
	if err != nil {
		return err
	}
	err = numbered(record.NewReader(f, 0))
	return errors.Join(err, f.Close())
}

// beheaded tells of tables that no manifest speaks of.
func beheaded(dir string, fs vfs.FS) error {
	names, err := fs.List(dir)
	if err != nil {
		return nil //nolint:nilerr // Open says what is wrong
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			return fmt.Errorf("%w: there are tables, and nothing says which of them count", ErrDamaged)
		}
	}
	return nil
}

// numbered tells of a manifest that names tables, as far as it can be read, and no sequence number.
func numbered(r *record.Reader) error {
	tables := false
	for {
		edit, err := r.Next()
		var raw []byte
		if err == nil {
			raw, err = io.ReadAll(edit)
		}
		switch {
		case errors.Is(err, io.EOF) || record.IsInvalidRecord(err):
			if tables {
				return fmt.Errorf("%w: the manifest ends behind its snapshot", ErrDamaged)
			}
			return nil
		case err != nil:
			return err
		}
		number, more := editHead(raw)
		if number > 0 {
			return nil
		}
		tables = tables || more
	}
}

// The fields that Pebble writes to an edit of the manifest before those of tables; each is a tag and so many numbers.
const (
	tagComparer      = 1 // a string
	tagLogNumber     = 2
	tagNextFile      = 3
	tagLastSequence  = 4
	tagPrevLogNumber = 9
	tagBacking       = 105 // a file and its size
	tagBackingGone   = 106
)

// editHead reads the head of an edit: the sequence number, 0 where it says none, and whether there is more behind it.
func editHead(raw []byte) (number uint64, more bool) {
	r := bytes.NewReader(raw)
	for {
		tag, err := binary.ReadUvarint(r)
		if err != nil {
			return number, false
		}
		switch tag {
		case tagComparer:
			n, err := binary.ReadUvarint(r)
			if err != nil || n > uint64(r.Len()) {
				return number, true
			}
			_, _ = r.Seek(int64(n), io.SeekCurrent) // no farther than its end
		case tagLastSequence:
			number, _ = binary.ReadUvarint(r)
		case tagBacking:
			_, _ = binary.ReadUvarint(r)
			_, _ = binary.ReadUvarint(r)
		case tagLogNumber, tagNextFile, tagPrevLogNumber, tagBackingGone:
			_, _ = binary.ReadUvarint(r)
		default:
			return number, true
		}
	}
}
