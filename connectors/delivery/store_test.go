package delivery_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"wend/connectors/delivery"
)

func openStore(t *testing.T, fs vfs.FS) *delivery.Store {
	t.Helper()
	s, err := delivery.OpenStore("store", fs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoreForgetsWhatIsOld(t *testing.T) {
	s := newShop(t)
	now := time.Now()
	old := now.Add(-delivery.Retention - time.Hour)
	first, second := delivery.Decision{ActionID: "old", DecidedAt: 1}, delivery.Decision{ActionID: "new", DecidedAt: 1}
	if err := s.store.Remember(map[delivery.Decision]delivery.Record{first: {Outcome: delivery.Sent, At: old.UnixMilli()}, second: {Outcome: delivery.Failed, At: now.UnixMilli()}}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.store.Forget(now); n != 1 || err != nil {
		t.Fatalf("forgot %d, %v", n, err)
	}
	if _, ok, _ := s.store.Lookup(first); ok {
		t.Error("the old one is still there")
	}
	if r, ok, err := s.store.Lookup(second); !ok || r.Outcome != delivery.Failed || r.At != now.UnixMilli() || err != nil {
		t.Errorf("the new one is %+v, %v, %v", r, ok, err)
	}
}

// The store is a map of decisions to answers, over restarts, whatever the ids and times are.
func TestStoreIsAMap(t *testing.T) {
	fs := vfs.NewMem()
	r := rand.New(rand.NewPCG(1, 2))
	want := map[delivery.Decision]delivery.Record{}
	pick := func() delivery.Decision {
		return delivery.Decision{ActionID: strings.Repeat("x", r.IntN(3)) + fmt.Sprint(r.IntN(20)), DecidedAt: int64(r.IntN(5) - 2)}
	}
	for range 20 {
		s := openStore(t, fs)
		for range 30 {
			d := pick()
			got, ok, err := s.Lookup(d)
			if known, should := want[d]; err != nil || ok != should || got != known {
				t.Fatalf("%v is %v %v %v, want %v", d, got, ok, err, known)
			}
			d, rec := pick(), delivery.Record{Outcome: delivery.Sent, At: r.Int64()}
			want[d] = rec
			if err := s.Remember(map[delivery.Decision]delivery.Record{d: rec}); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := s.Forget(time.UnixMilli(0)); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// holds says whether a file of the store holds the text.
func holds(t *testing.T, fs vfs.FS, text string) bool {
	t.Helper()
	names, err := fs.List("store")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin("store", name))
		if errors.Is(err, os.ErrNotExist) { // Pebble takes away in the background what it replaced
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// No file of the store holds an id; two stores hold other bytes for the same one.
func TestStoreNamesNobody(t *testing.T) {
	fs := vfs.NewMem()
	s := openStore(t, fs)
	d := delivery.Decision{ActionID: "j/marked-customer/1/s/1", DecidedAt: 7}
	if err := s.Remember(map[delivery.Decision]delivery.Record{d: {Outcome: delivery.Sent, At: 1}}); err != nil {
		t.Fatal(err)
	}
	if holds(t, fs, "marked") {
		t.Error("an id is in the log of writes")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, fs)
	if _, ok, err := s.Lookup(d); !ok || err != nil {
		t.Errorf("known is %v after a restart: %v", ok, err)
	}
	if s.Removed() != "" || holds(t, fs, "marked") {
		t.Errorf("%q; in its files: %v", s.Removed(), holds(t, fs, "marked"))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// What an older version left is removed, files and all, and said.
func TestStoreOfAnOlderVersion(t *testing.T) {
	fs := vfs.NewMem()
	db, err := pebble.Open("store", &pebble.Options{FS: fs, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set([]byte("aj/marked-customer/1/s/1"), []byte("s12345678"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if !holds(t, fs, "marked-customer") {
		t.Fatal("the test tests nothing")
	}
	s := openStore(t, fs)
	if !strings.Contains(s.Removed(), "plain text") {
		t.Errorf("said %q", s.Removed())
	}
	if holds(t, fs, "marked-customer") {
		t.Error("it is still in the files")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = openStore(t, fs); s.Removed() != "" {
		t.Errorf("said again: %q", s.Removed())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A store without its key would take everything for new: it is not opened.
func TestStoreWithoutItsKey(t *testing.T) {
	fs := vfs.NewMem()
	s := openStore(t, fs)
	if err := s.Remember(map[delivery.Decision]delivery.Record{{ActionID: "x"}: {Outcome: delivery.Sent}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open("store", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Delete([]byte("key"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := delivery.OpenStore("store", fs); err == nil || !strings.Contains(err.Error(), "delete the directory") {
		t.Errorf("opened: %v", err)
	}
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
