// Package examples holds the sample workspaces that come with the binary, and the shoppers who fill the shop of the
// demo. It knows nothing of Kafka or of the engine.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

//go:embed shop
var workspaces embed.FS

// Copy writes a sample workspace ("shop") into dir. What is there already stays as it is, so that a copy may be edited.
func Copy(name, dir string) error {
	err := fs.WalkDir(workspaces, name, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(p[len(name):]))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		b, err := workspaces.ReadFile(path.Clean(p))
		if err != nil {
			return err
		}
		f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if os.IsExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := f.Write(b); err != nil {
			_ = f.Close() // the write's error says more
			return err
		}
		return f.Close()
	})
	if err != nil {
		return fmt.Errorf("copy the sample workspace %s: %w", name, err)
	}
	return nil
}
