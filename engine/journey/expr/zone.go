package expr

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"sync"
	"time"
)

// zoneinfo.zip is the IANA time zone database as the Go distribution carries it (lib/time/zoneinfo.zip; public
// domain). It is embedded, and the machine's is never asked, because a customer's local times must come out the same
// wherever a shard runs. Package time/tzdata does not do: time.LoadLocation takes the machine's files first.
//
//go:embed zoneinfo.zip
var zoneinfo []byte

// zoneFiles and zones are a cache of constants: what is in them follows from zoneinfo alone, and they are bounded by it.
var (
	zoneFiles = sync.OnceValue(func() map[string]*zip.File {
		r, err := zip.NewReader(bytes.NewReader(zoneinfo), int64(len(zoneinfo)))
		if err != nil {
			return nil
		}
		m := make(map[string]*zip.File, len(r.File))
		for _, f := range r.File {
			m[f.Name] = f
		}
		return m
	})
	zones sync.Map // name -> *time.Location
)

// LoadZone returns the named zone of the embedded database. The names are IANA's (Asia/Shanghai, UTC), case counts,
// and there is neither an empty name nor Local.
func LoadZone(name string) (*time.Location, bool) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), true
	}
	f, ok := zoneFiles()[name]
	if !ok || f.FileInfo().IsDir() {
		return nil, false
	}
	r, err := f.Open()
	if err != nil {
		return nil, false
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, false
	}
	z, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, false
	}
	zones.Store(name, z)
	return z, true
}
