package journey

import (
	"slices"
	"sort"

	"wend/schemas/yamlfile"
)

// older adds the older versions of a release: planners of those that somebody may be pinned to, and to where those of the
// others go on. It returns the heads, also those of journeys that the workspace does not have.
//
// What `on_update` of a version says holds for all who are inside when it is deployed, in whatever version. So of a version
// the next one that does not say pin decides; where none does, it is pinned for good in this release.
func (c *compiler) older(heads []*planner) []*planner {
	c.p.released = c.release.Versions != nil || len(c.release.Older) > 0
	byName := map[string][]OlderVersion{}
	for _, o := range c.release.Older {
		byName[o.Journey.Name.Value] = append(byName[o.Journey.Name.Value], o)
	}
	for _, head := range heads {
		name := head.plan.name
		c.family(head, byName[name])
		delete(byName, name)
	}
	for _, name := range sortedKeys(byName) {
		all := byName[name]
		newest := 0
		for i := range all {
			if all[i].Version > all[newest].Version {
				newest = i
			}
		}
		src := all[newest]
		head := c.planner(src.Journey, src.Version, nil)
		head.plan.gone = true
		c.family(head, slices.Delete(slices.Clone(all), newest, newest+1))
		heads = append(heads, head)
	}
	return heads
}

// family divides the older versions of a journey.
func (c *compiler) family(head *planner, all []OlderVersion) {
	j := head.plan
	slices.SortStableFunc(all, func(a, b OlderVersion) int {
		if a.Version < b.Version {
			return -1
		}
		return 1
	})
	sources := make([]definition, 0, len(all)+1)
	for i, o := range all {
		if o.Version >= j.version || i > 0 && o.Version == all[i-1].Version {
			c.problems.Errorf(o.Journey.Name.Pos, "version %d of %s is no older one: the newest is %d, and each is given once", o.Version, j.name, j.version)
			continue
		}
		sources = append(sources, definition{o.Version, o.Journey})
	}
	sources = append(sources, definition{j.version, head.src})
	for i, from := range sources[:len(sources)-1] {
		k := i + 1
		for k < len(sources) && sources[k].src.OnUpdate == onUpdatePin {
			k++
		}
		if k == len(sources) {
			p := c.planner(from.src, from.version, head)
			head.older = append(head.older, p)
			j.older = append(j.older, p.plan)
		} else {
			j.passages = append(j.passages, newPassage(from, sources[k]))
		}
		c.p.listed = append(c.p.listed, JourneyVersion{j.name, from.version, from.src.Hash(), false, false})
	}
	c.p.listed = append(c.p.listed, JourneyVersion{j.name, j.version, head.src.Hash(), !j.gone, false})
	if c.p.released && !j.gone {
		j.unknown = newPassage(definition{}, sources[len(sources)-1])
	}
	sort.SliceStable(c.p.listed, func(i, k int) bool { return c.p.listed[i].Journey < c.p.listed[k].Journey })
}

// pinned says whether nobody enters the planner's version any more.
func (p *planner) pinned() bool { return p.plan != p.plan.head || p.plan.gone }

// pinned compiles a version in which customers may be but which is not the workspace's: what is only odd in it nobody can
// change any more, and what is wrong with it is so because of what else changed.
func (c *compiler) pinned(p *planner) {
	so := c.problems
	c.problems = nil
	p.journey()
	for _, x := range c.problems {
		if x.Severity == yamlfile.Error {
			so.Errorf(x.Pos, "version %d of %s, in which customers may be, can't go on: %s", p.plan.version, p.plan.name, x.Message)
		}
	}
	c.problems = so
}

func sortedKeys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
