package journey

import "wend/schemas/yamlfile"

// Load reads a workspace directory.
func Load(dir string) (*Workspace, yamlfile.Problems) {
	return &Workspace{Dir: dir, Profile: &Profile{}}, nil
}
