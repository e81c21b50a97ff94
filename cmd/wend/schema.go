package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"wend/schemas"
)

func newSchema(s streams) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schemas of a workspace's files, for editors",
		Long: `Schema prints the JSON Schema of a kind of file: journey, profile, policies, tests, wend. With --to it writes them all into a
directory and prints what an editor needs to know: settings for VS Code's YAML extension, whose keys are the schemas and whose values
are the files that they are for. Without either it lists the kinds.

Editors complete and check by them while one types; wend check says more.`,
		Example: "  wend schema journey > journey.schema.json\n  wend schema --to .wend > .vscode/settings.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case to != "" && len(args) > 0:
				return errors.New("name a kind, or a directory for all of them, not both")
			case to != "":
				return writeSchemas(to, s.out)
			case len(args) == 0:
				for _, k := range schemas.FileKinds() {
					if _, err := fmt.Fprintf(s.out, "%-9s %s\n", k.Name, strings.Join(k.Files, ", ")); err != nil {
						return err
					}
				}
				return nil
			}
			var names []string
			for _, k := range schemas.FileKinds() {
				names = append(names, k.Name)
			}
			if err := known("the kind", args[0], names...); err != nil {
				return err
			}
			text, err := schemas.FileSchema(args[0])
			if err != nil {
				return err
			}
			_, err = s.out.Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "write all of them into this directory")
	return cmd
}

// writeSchemas writes every schema into dir, and the settings that name them to w.
func writeSchemas(dir string, w io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	files := map[string][]string{}
	for _, k := range schemas.FileKinds() {
		text, err := schemas.FileSchema(k.Name)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, k.Name+".schema.json")
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		if !filepath.IsAbs(name) {
			name = "./" + filepath.ToSlash(name)
		}
		files[name] = k.Files
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"yaml.schemas": files})
}
