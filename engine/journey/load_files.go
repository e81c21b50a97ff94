package journey

import (
	"io/fs"
	"slices"
	"strings"

	"wend/schemas/yamlfile"
)

// LoadFiles is Load of a workspace that is no directory: files by their path in it, with slashes ("journeys/cart.yaml").
// Paths that are no file of journeys, profile.yaml, policies.yaml, tests or events are passed over. Dir is empty.
func LoadFiles(files map[string][]byte) (*Workspace, yamlfile.Problems) {
	return load("", given(files))
}

// given are files in memory.
type given map[string][]byte

func (given) open(string, *yamlfile.Problems) bool { return true }

func (g given) there(path string) bool {
	for name := range g {
		if name == path || strings.HasPrefix(name, path+"/") {
			return true
		}
	}
	return false
}

func (g given) list(dir string) (names []string, err error) {
	if !g.there(dir) {
		return nil, fs.ErrNotExist
	}
	for name := range g {
		if name, ok := strings.CutPrefix(name, dir+"/"); ok && !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (g given) read(path string, ps *yamlfile.Problems) ([]*yamlfile.Node, bool) {
	return yamlfile.Parse(path, g[path], ps)
}

func (g given) text(path string) ([]byte, error) {
	if text, ok := g[path]; ok {
		return text, nil
	}
	return nil, fs.ErrNotExist
}
