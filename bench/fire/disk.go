//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	diskSize    = "768m"
	ballastName = "ballast"
)

// mount makes a small disk in memory. Only root may.
func (d *day) mount(dir string) error {
	if os.Geteuid() != 0 {
		return errors.New("only root can mount one")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+diskSize, "tmpfs", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	d.mounts = append(d.mounts, dir)
	return nil
}

// leave ends the engines and takes their disks away.
func (d *day) leave() error {
	for _, e := range d.engines {
		if e.process != nil {
			e.process.End()
		}
	}
	var errs []error
	for _, dir := range d.mounts {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("umount %s: %w: %s", dir, err, out))
		}
	}
	return errors.Join(errs...)
}

// deleteData empties the data directory, which may be a disk of its own.
func (e *engine) deleteData() error {
	entries, err := os.ReadDir(e.member.Data)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, f := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(e.member.Data, f.Name())))
	}
	return err
}

// fillDisk leaves no byte free for a while. The engine may end, if it says why; it must not harm the others, and work again
// when there is room.
func (e *engine) fillDisk(ctx, whole context.Context) {
	if e.disk == "" {
		return
	}
	d := e.day
	ballast := filepath.Join(e.disk, ballastName)
	size, err := fill(ballast)
	if err != nil {
		d.wrong(err)
	}
	t := between(e.random, 5*time.Second, 20*time.Second)
	d.fault("disk full", e.name, "by %d MiB, for %.1f s", size>>20, t.Seconds())
	select {
	case <-e.process.Ended:
		if !e.diedAimed() {
			d.note(e.name, "ended: %s", lastLine(e.process.Tail()))
			d.remark("ends of an engine whose disk was full")
		}
	case <-time.After(t):
	case <-ctx.Done():
	}
	if err := os.Remove(ballast); err != nil {
		d.wrong(err)
	}
	if e.process.Gone() {
		e.start(whole, false)
		return
	}
	d.note(e.name, "has room again")
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && whole.Err() == nil; { // it may still be ending
		select {
		case <-e.process.Ended:
			if !e.diedAimed() {
				d.note(e.name, "ended: %s", lastLine(e.process.Tail()))
				d.remark("ends of an engine whose disk was full")
			}
			e.start(whole, false)
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := e.process.Ready(whole, readyTimeout); err != nil && !e.diedAimed() {
		d.wrong(fmt.Errorf("%s, whose disk was full: %w", e.name, err))
	}
}

// fill writes a file until the disk takes no more, and gives its size.
func fill(path string) (size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) >= 1<<9; {
		n, err := f.Write(block)
		size += int64(n)
		if err != nil {
			block = block[:len(block)/2]
		}
	}
	return size, nil
}
