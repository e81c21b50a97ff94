//go:build unix

package wend_test

import (
	"os/exec"
	"testing"
)

// TestPerformanceDoc: the page has the rows that the table has. WEND_WRITE_DOCS=1 writes them.
func TestPerformanceDoc(t *testing.T) {
	const page = "docs/performance.md"
	runConsoles(t, page, read(t, page), func(command string) string {
		out, err := exec.Command("bash", "-euo", "pipefail", "-c", command).Output()
		if err != nil {
			t.Errorf("%s%v", command, err)
		}
		return string(out)
	})
}
