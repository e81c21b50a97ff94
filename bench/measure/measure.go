//go:build unix

// Package measure runs the benches for those who collect what they measure: it builds each of them once, runs it with its
// figures in a file and its output in another, and says which command failed and how. It knows no bench by name.
package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"wend/bench/figures"
)

// patience is how long a command that was told to end may take for it.
const patience = time.Minute

// tail is how many lines of a failed command's output its error holds.
const tail = 15

// Benches are built in a directory, with the binary that they measure. Its owner removes the directory.
type Benches struct {
	Dir  string // absolute
	Wend string // the binary

	built []string // names of benches
	runs  int
}

// Build builds the benches of these commands, and cmd/wend where no binary is given. A command is a line as a person types it in the
// project's root: go run ./bench/latency --rate 10000. The process must run there too.
func Build(ctx context.Context, dir, wend string, commands []string) (*Benches, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b := &Benches{Dir: dir, Wend: wend}
	if wend == "" {
		b.Wend = filepath.Join(dir, "wend")
		if err := build(ctx, b.Wend, "./cmd/wend"); err != nil {
			return nil, err
		}
	} else if b.Wend, err = filepath.Abs(wend); err != nil {
		return nil, err
	}
	for _, c := range commands {
		name, _, err := parse(c)
		if err != nil {
			return nil, err
		}
		if slices.Contains(b.built, name) {
			continue
		}
		if err := build(ctx, filepath.Join(dir, "bench-"+name), "./bench/"+name); err != nil {
			return nil, err
		}
		b.built = append(b.built, name)
	}
	return b, nil
}

func build(ctx context.Context, to, pkg string) error {
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", to, pkg).CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s (from the project's root): %w\n%s", pkg, err, bytes.TrimSpace(out))
	}
	return nil
}

// parse takes a command apart: the bench's name, and its arguments, of which none holds a space.
func parse(command string) (name string, args []string, err error) {
	words := strings.Fields(command)
	if len(words) < 3 || words[0] != "go" || words[1] != "run" || path.Dir(words[2]) != "bench" || !strings.HasPrefix(words[2], "./") {
		return "", nil, fmt.Errorf("%q is no bench: want go run ./bench/NAME and its arguments", command)
	}
	return path.Base(words[2]), words[3:], nil
}

// Run runs one of the commands and gives what it measured. It is an error where the command fails, which is
// named then, or appends no figure.
func (b *Benches) Run(ctx context.Context, command string) ([]figures.Figure, error) {
	name, args, err := parse(command)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(b.built, name) {
		return nil, fmt.Errorf("%q was not built", command)
	}
	b.runs++
	base := filepath.Join(b.Dir, fmt.Sprintf("%s-%d", name, b.runs))
	measured := base + ".jsonl"
	args = append(slices.Clone(args), "--wend", b.Wend, "--figures", measured)
	if err := Execute(ctx, command, "", base+".log", nil, filepath.Join(b.Dir, "bench-"+name), args...); err != nil {
		return nil, err
	}
	all, err := figures.Read(measured)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: it measured nothing (its output: %s.log)", command, base)
	}
	return all, nil
}

// Execute runs a program to its end in a directory ("": this one), its output in a file. An error begins with what the program
// is called and ends with the end of its output. The program and all that it starts are told to end when the context does.
func Execute(ctx context.Context, called, dir, log string, env []string, program string, args ...string) error {
	out, err := os.Create(log)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log) // what is not there is not shown
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		return fmt.Errorf("%s: %w (its output: %s)\n%s", called, err, log, strings.Join(lines[max(0, len(lines)-tail):], "\n"))
	}
	return nil
}
