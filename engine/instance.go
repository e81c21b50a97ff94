package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	instanceFile = "instance.id" // the id and a newline
	lockFile     = "lock"        // locked while a process runs on the directory; holds its process id, for the message
)

// Instance is this process's exclusive hold of a data directory, and the id that is kept there. The id is the group's
// static member: a process started again on the same directory takes its shards back at once, for its local views are
// there. The lock keeps two processes from being the same member, and from opening the same views.
type Instance struct {
	ID   string // fit for group.instance.id
	lock *os.File
}

// errLocked: another process holds the lock.
var errLocked = errors.New("locked by another process")

// LoadInstance locks dataDir (made where it is missing) for this process until Close, and gives the id: name where there
// is one; else the one kept in dataDir, made the first time. That is of the host's name and the directory's place, so
// that a member whose data was deleted is the same member still and need not wait for its own session to end. The lock
// ends with the process, however that ends.
func LoadInstance(dataDir, name string) (*Instance, error) {
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := lockDir(dataDir)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return &Instance{ID: name, lock: lock}, nil
	}
	id, err := readInstanceID(dataDir)
	if errors.Is(err, fs.ErrNotExist) {
		id, err = makeInstanceID(dataDir)
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &Instance{ID: id, lock: lock}, nil
}

// Close gives up the lock. What was opened in the directory must be closed before.
func (i *Instance) Close() error { return i.lock.Close() }

func lockDir(dataDir string) (*os.File, error) {
	path := filepath.Join(dataDir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dataDir, err)
	}
	if err := lockOpenFile(f); err != nil {
		defer f.Close()
		if errors.Is(err, errLocked) {
			who, _ := os.ReadFile(path)
			return nil, fmt.Errorf("data directory %s is in use by another process (pid %s): stop it, or give this one "+
				"a data_dir of its own", dataDir, orUnknown(strings.TrimSpace(string(who))))
		}
		return nil, fmt.Errorf("data directory %s cannot be locked (a network file system? data_dir must be on a local "+
			"disk): %w", dataDir, err)
	}
	// For people alone: a failure here is none.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	return f, nil
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func readInstanceID(dataDir string) (string, error) {
	path := filepath.Join(dataDir, instanceFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("instance id: %w", err)
	}
	id := strings.TrimSuffix(string(b), "\n")
	if !validInstanceID(id) {
		return "", fmt.Errorf("%s holds no instance id (%d bytes): delete it and start again; the shards follow when the "+
			"former member's session has run out", path, len(b))
	}
	return id, nil
}

// validInstanceID is Kafka's rule for group.instance.id (org.apache.kafka.common.internals.Topic.validate).
func validInstanceID(id string) bool {
	if id == "" || len(id) > 249 || id == "." || id == ".." {
		return false
	}
	return strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// makeInstanceID writes beside and renames, so that a crash leaves a whole id or none.
func makeInstanceID(dataDir string) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	id := newInstanceID(host, dataDir)
	path := filepath.Join(dataDir, instanceFile)
	if err := writeDurably(path, id+"\n"); err != nil {
		return "", fmt.Errorf("instance id: %w", err)
	}
	return id, nil
}

// newInstanceID gives the id of a directory on a host. Of a host whose name is everybody's it is drawn.
func newInstanceID(host, dataDir string) string {
	var own [12]byte
	path, err := filepath.Abs(dataDir)
	if host == "" || strings.HasPrefix(host, "localhost") || err != nil {
		_, _ = rand.Read(own[:]) // never fails, crypto/rand
	} else {
		sum := sha256.Sum256([]byte(host + "\x00" + path))
		copy(own[:], sum[:])
	}
	return "wend-" + hex.EncodeToString(own[:])
}

func writeDurably(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	// Not every file system can sync a directory; then the rename is as durable as it gets.
	_ = dir.Sync()
	return nil
}
