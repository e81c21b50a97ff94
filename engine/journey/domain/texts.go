package domain

import "slices"

// Texts is a set of texts: those of the list, or all but those.
type Texts struct {
	Except bool
	List   []string // in order
}

// maxTexts bounds a list; where more would be needed the set is widened.
const maxTexts = 64

// AllTexts is every text.
func AllTexts() Texts { return Texts{Except: true} }

// OneOf is these texts.
func OneOf(list ...string) Texts {
	list = slices.Clone(list)
	slices.Sort(list)
	return Texts{List: slices.Compact(list)}.bounded()
}

func (t Texts) bounded() Texts {
	switch {
	case len(t.List) <= maxTexts:
		return t
	case t.Except:
		return Texts{Except: true, List: t.List[:maxTexts]}
	}
	return AllTexts()
}

func (t Texts) empty() bool { return !t.Except && len(t.List) == 0 }

func (t Texts) has(s string) bool {
	_, found := slices.BinarySearch(t.List, s)
	return found != t.Except
}

func keep(list []string, if_ func(string) bool) []string {
	var out []string
	for _, s := range list {
		if if_(s) {
			out = append(out, s)
		}
	}
	return out
}

// Intersect is what is in both.
func (t Texts) Intersect(o Texts) Texts {
	switch {
	case !t.Except:
		return Texts{List: keep(t.List, o.has)}
	case !o.Except:
		return Texts{List: keep(o.List, t.has)}
	}
	all := append(slices.Clone(t.List), o.List...)
	slices.Sort(all)
	return Texts{Except: true, List: slices.Compact(all)}.bounded()
}

// Union is what is in either.
func (t Texts) Union(o Texts) Texts {
	missing := func(x Texts) func(string) bool { return func(s string) bool { return !x.has(s) } }
	switch {
	case t.Except:
		return Texts{Except: true, List: keep(t.List, missing(o))}
	case o.Except:
		return Texts{Except: true, List: keep(o.List, missing(t))}
	}
	return OneOf(append(slices.Clone(t.List), o.List...)...)
}

// without leaves one text out.
func (t Texts) without(s string) Texts { return t.Intersect(Texts{Except: true, List: []string{s}}) }

func (t Texts) single() (string, bool) {
	if !t.Except && len(t.List) == 1 {
		return t.List[0], true
	}
	return "", false
}
