//go:build linux

package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wend/connectors/broker"
)

// listening gives the addresses on which the process has open listeners, as the kernel lists them.
func listening(t *testing.T, pid int) (at []netip.AddrPort) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d", pid)
	sockets := map[string]bool{} // inodes
	files, err := os.ReadDir(dir + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if to, err := os.Readlink(filepath.Join(dir, "fd", f.Name())); err == nil && strings.HasPrefix(to, "socket:[") {
			sockets[strings.Trim(to, "socket:[]")] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(dir + "/net/" + table)
		if err != nil {
			continue // a kernel without that
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			// sl local_address rem_address st … inode, addresses in hex, words of 4 bytes in the machine's order
			w := strings.Fields(lines.Text())
			if len(w) < 10 || w[3] != "0A" || !sockets[w[9]] {
				continue
			}
			host, port, _ := strings.Cut(w[1], ":")
			b, err := hex.DecodeString(host)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i+4 <= len(b); i += 4 {
				slices.Reverse(b[i : i+4])
			}
			ip, _ := netip.AddrFromSlice(b)
			var n uint16
			if _, err := fmt.Sscanf(port, "%X", &n); err != nil {
				t.Fatal(err)
			}
			at = append(at, netip.AddrPortFrom(ip, n))
		}
		_ = f.Close()
	}
	return at
}

// Nothing listens beyond loopback that was not told to, whatever the command.
func TestNothingListensBeyondLoopback(t *testing.T) {
	b, err := broker.Start(broker.Options{Topics: []broker.Topic{{Name: "events", Partitions: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	s := &site{t: t, dir: t.TempDir()}
	s.write("wend.yaml", "app: shop\nkafka: {brokers: ["+b.Addr()+"]}\n")
	s.write("journeys/j.yaml", markedJourney)
	for _, c := range []struct {
		args  []string
		least int // listeners
	}{
		{[]string{"run", "-C", s.dir}, 1},
		{[]string{"run", "-C", s.dir, "--http", ":0"}, 1},
		{[]string{"demo", "--for", "1m"}, 2},
		{[]string{"broker"}, 1},
		{[]string{"deliver", "-C", s.dir, "--channel", "push"}, 0},
	} {
		t.Run(strings.Join(c.args[:1], " "), func(t *testing.T) {
			r := begin(t, c.args...)
			var at []netip.AddrPort
			for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
				at = listening(t, r.cmd.Process.Pid)
				for _, a := range at {
					if !a.Addr().Unmap().IsLoopback() {
						t.Fatalf("it listens on %s", a)
					}
				}
				if len(at) >= c.least && (c.least > 0 || strings.Contains(r.told(), "partitions assigned")) {
					break
				}
				if said := r.told(); strings.Contains(said, "in use") {
					t.Skip("its port is taken on this machine: " + said)
				}
				if time.Now().After(deadline) {
					t.Fatalf("it listens on %v only: %s", at, r.told())
				}
			}
			r.stop(syscall.SIGTERM)
		})
	}
	// What is told to, does: the test would see it.
	r := begin(t, "broker", "--listen", "0.0.0.0:0")
	defer r.stop(syscall.SIGTERM)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if at := listening(t, r.cmd.Process.Pid); len(at) > 0 {
			if at[0].Addr().Unmap().IsLoopback() {
				t.Fatalf("told 0.0.0.0, it seems to listen on %v: the test tests nothing", at)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(r.told())
		}
	}
}

// told is what the process has said on stderr.
func (r *running) told() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}
