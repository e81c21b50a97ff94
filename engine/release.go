package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"wend/schemas"
)

// releases is what the records of APP.control say of the journeys that are run. It takes them one by one, in order, and
// may begin anywhere from where compaction has removed what is over: what comes out is the same.
//
// Two who deploy at once both write whole releases, each under a tag of its own. Both have the number behind that of the
// release that they saw, so the one that comes first holds, for every reader; the other sees that when it reads back, and
// takes its records away. Were the later one to hold, it would undo a change that it never knew.
type releases struct {
	tags   map[string]*releaseRecords
	status map[string]schemas.Status // by journey
	next   int64                     // offset behind the last record taken
}

// releaseRecords are the records of one release.
type releaseRecords struct {
	list   *schemas.Release // nil: not there yet, or any more
	offset int64            // of list
	texts  map[string][]byte
}

// take takes a record; false: it is of another kind.
func (r *releases) take(c *command) (ours bool, err error) {
	r.next = c.offset + 1
	switch kind := schemas.ControlKind(c.key); kind {
	case schemas.ControlStatus:
		return true, r.takeStatus(c)
	case schemas.ControlRelease, schemas.ControlFile, schemas.ControlOlder:
		tag := schemas.ReleaseTag(c.key)
		if r.tags == nil {
			r.tags = map[string]*releaseRecords{}
		}
		x := r.tags[tag]
		if x == nil {
			x = &releaseRecords{texts: map[string][]byte{}}
			r.tags[tag] = x
		}
		switch {
		case c.value == nil && kind == schemas.ControlRelease:
			x.list = nil
		case c.value == nil:
			delete(x.texts, c.key)
		case kind == schemas.ControlRelease:
			list, err := schemas.DecodeRelease(c.key, c.value)
			if err != nil {
				return true, err
			}
			if x.list == nil { // a repeat changes nothing
				x.list, x.offset = list, c.offset
			}
		default:
			x.texts[c.key] = c.value
		}
		if x.list == nil && len(x.texts) == 0 {
			delete(r.tags, tag)
		}
		return true, nil
	}
	return false, nil
}

func (r *releases) takeStatus(c *command) error {
	name := strings.TrimPrefix(c.key, schemas.ControlKey(schemas.ControlStatus, ""))
	if c.value == nil {
		delete(r.status, name)
		return nil
	}
	s, err := schemas.DecodeStatus(c.value)
	if err != nil {
		return err
	}
	if r.status == nil {
		r.status = map[string]schemas.Status{}
	}
	r.status[name] = *s
	return nil
}

// holding gives the release that holds; nil: there is none.
func (r *releases) holding() *releaseRecords {
	var best *releaseRecords
	for _, x := range r.tags {
		if x.list == nil {
			continue
		}
		if best == nil || x.list.Number > best.list.Number || x.list.Number == best.list.Number && x.offset < best.offset {
			best = x
		}
	}
	return best
}

// over lists the keys of releases that hold no more, the lists before the texts: whoever finds a list without its texts
// also finds that it is over. Those of a deploy that is under way stay, for it has a number that is still to come.
func (r *releases) over() (keys []string) {
	holds := r.holding()
	if holds == nil {
		return nil
	}
	var texts []string
	for tag, x := range r.tags {
		if x == holds || schemas.ReleaseNumber(tag) > holds.list.Number {
			continue
		}
		if x.list != nil {
			keys = append(keys, x.list.Key())
		}
		texts = slices.AppendSeq(texts, maps.Keys(x.texts))
	}
	slices.Sort(keys)
	slices.Sort(texts)
	return append(keys, texts...)
}

// text gives the text of a file of the release, which must be there whole.
func (x *releaseRecords) text(key, path, sum string) ([]byte, error) {
	b, ok := x.texts[key]
	switch {
	case !ok:
		return nil, fmt.Errorf("engine: release %s: its file %s is not on the topic: was the topic's cleanup.policy changed from compact? Deploy again", x.list.Tag(), path)
	case schemas.Sum(b) != sum:
		return nil, fmt.Errorf("engine: release %s: its file %s is not what was deployed: somebody else writes to the topic. Deploy again", x.list.Tag(), path)
	}
	return b, nil
}
