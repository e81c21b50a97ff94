package schemas

import (
	"embed"
	"fmt"
)

// The JSON Schemas of the files that a user writes, for editors. The loader says more, and with better words; they agree with
// it on which keys there are and of what kind their values are.
//
//go:embed workspace/*.schema.json
var workspaceSchemas embed.FS

// FileKind is a kind of file of a workspace.
type FileKind struct {
	Name  string   // journey, as in journey.schema.json
	Files []string // globs, from the workspace's directory
}

// FileKinds are the kinds that have a schema.
func FileKinds() []FileKind {
	return []FileKind{
		{"journey", []string{"journeys/*.yaml", "journeys/*.yml"}},
		{"profile", []string{"profile.yaml", "profile.yml"}},
		{"policies", []string{"policies.yaml", "policies.yml"}},
		{"tests", []string{"tests/*.yaml", "tests/*.yml"}},
		{"wend", []string{"wend.yaml"}},
	}
}

// FileSchema gives the JSON Schema (draft 2020-12) of a kind of file.
func FileSchema(kind string) ([]byte, error) {
	b, err := workspaceSchemas.ReadFile("workspace/" + kind + ".schema.json")
	if err != nil {
		return nil, fmt.Errorf("no kind of file is called %q", kind)
	}
	return b, nil
}
