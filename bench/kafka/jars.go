//go:build unix

package realkafka

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// Version of Apache Kafka that Start runs.
const Version = "4.1.0"

const oldestJava = 17

//go:embed pom.xml
var pom []byte

// Jars gives the directory of Kafka's jars in the user's cache directory, and fetches them with Maven when they are not
// there: about 120 MB, once.
func Jars(ctx context.Context) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", fmt.Errorf("kafka jars: %w", err)
	}
	lib := filepath.Join(cache, "lib")
	if _, err := os.Stat(filepath.Join(cache, "complete")); err == nil {
		return lib, nil
	}
	if err := fetchJars(ctx, cache, lib); err != nil {
		return "", fmt.Errorf("kafka jars: %w", err)
	}
	return lib, nil
}

// cacheDir is ~/.cache/wend-kafka/VERSION, or under XDG_CACHE_HOME, on every system.
func cacheDir() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "wend-kafka", Version), nil
}

func fetchJars(ctx context.Context, cache, lib string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("no mvn on PATH: Kafka's jars come by Maven; install it (Debian, Ubuntu: apt-get install maven)")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	// Aside first: whoever is interrupted leaves nothing that looks complete, and of two at once the later changes nothing.
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	fetched := filepath.Join(work, "lib")
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", file, "dependency:copy-dependencies", "-DoutputDirectory="+fetched)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn: %w\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(cache, "complete")); err == nil {
		return nil
	}
	if err := os.RemoveAll(lib); err != nil {
		return err
	}
	if err := os.Rename(fetched, lib); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(cache, "complete"), nil, 0o644)
}

var javaVersion = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

// findJava gives the java on PATH, of a version that Kafka runs on.
func findJava(ctx context.Context) (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("no java on PATH: Kafka %s needs Java %d or later (Debian, Ubuntu: apt-get install openjdk-%d-jre-headless)", Version, oldestJava, oldestJava)
	}
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("java -version: %w\n%s", err, out)
	}
	if have := parseJava(out); have < oldestJava {
		return "", fmt.Errorf("%s is Java %d: Kafka %s needs %d or later", java, have, Version, oldestJava)
	}
	return java, nil
}

// parseJava gives the major version in the output of java -version, 0 when there is none. Up to 8 it is called 1.8.
func parseJava(out []byte) int {
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}
