//go:build unix

package stand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Wrong is an error that says that the engine is not as promised.
type Wrong struct{ error }

// Wrongf makes one.
func Wrongf(format string, args ...any) error { return &Wrong{fmt.Errorf(format, args...)} }

// Together is one error for several, nil for none; it is Wrong as soon as one of them is.
func Together(errs ...error) error {
	err := errors.Join(errs...)
	var w *Wrong
	if errors.As(err, &w) {
		return &Wrong{err}
	}
	return err
}

// Member is a workspace of an app, with a data directory and a port of its own.
type Member struct {
	Name, Dir, Data string
	http            string
	runs            int
}

// HTTP is where it listens, host:port.
func (m *Member) HTTP() string { return m.http }

// Process is one run of a program.
type Process struct {
	Member  *Member // of an engine
	Started time.Time
	Ended   chan struct{} // closed when the process is gone; then EndedAt and Err stand
	EndedAt time.Time
	Err     error

	name string
	cmd  *exec.Cmd
	log  string
}

// Start runs the binary on a member's workspace.
func (s *Stand) Start(m *Member, env ...string) (*Process, error) {
	m.runs++
	if s.o.Sabotage != "" {
		env = append(env, "WEND_TEST_SABOTAGE="+s.o.Sabotage)
	}
	p, err := s.Run(filepath.Join(m.Dir, fmt.Sprintf("run-%d.log", m.runs)), env, s.binary, "run", "-C", m.Dir)
	if err != nil {
		return nil, err
	}
	p.Member, p.name = m, m.Name
	return p, nil
}

// Run starts any program, its output in a file, its environment ours and what is given.
func (s *Stand) Run(log string, env []string, program string, args ...string) (*Process, error) {
	p := &Process{name: program, log: log, Ended: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(program, args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ctrl-C is for us: we end it ourselves
	p.Started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	s.mu.Lock()
	s.processes = append(s.processes, p)
	s.mu.Unlock()
	go func() {
		p.Err = p.cmd.Wait()
		p.EndedAt = time.Now()
		close(p.Ended)
	}()
	return p, nil
}

// Gone says whether it ended.
func (p *Process) Gone() bool {
	select {
	case <-p.Ended:
		return true
	default:
		return false
	}
}

// Signal sends it one.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v to %s: %w", sig, p.name, err)
	}
	return nil
}

// Ready waits until /readyz says 200.
func (p *Process) Ready(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client := http.Client{Timeout: time.Second}
	for {
		if p.Gone() {
			return Wrongf("the engine ended before it was ready: %v\n%s", p.Err, p.Tail())
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Member.http+"/readyz", nil)
		if err != nil {
			return err
		}
		if r, err := client.Do(req); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return Wrongf("the engine is not ready after %v\n%s", timeout, p.Tail())
		case <-p.Ended:
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Kill ends it as a power cut would, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.Ended
	return nil
}

// Killed says whether it died of SIGKILL, whoever sent it.
func (p *Process) Killed() bool {
	var exit *exec.ExitError
	if !errors.As(p.Err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// GaveUp says whether an engine ended by itself, with the status for "could not run", before it ran.
func (p *Process) GaveUp() bool {
	var exit *exec.ExitError
	if !p.Gone() || !errors.As(p.Err, &exit) || exit.ExitCode() != 2 {
		return false
	}
	b, err := os.ReadFile(p.log)
	return err == nil && !bytes.Contains(b, []byte(`"msg":"running"`)) && !bytes.Contains(b, []byte("goroutine "))
}

// Stop ends it as its operator would; it must end well.
func (p *Process) Stop(timeout time.Duration) error {
	if p.Gone() {
		return Wrongf("the engine ended by itself: %v\n%s", p.Err, p.Tail())
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.Ended:
	case <-time.After(timeout):
		return Wrongf("the engine still runs %v after SIGTERM\n%s", timeout, p.Tail())
	}
	if p.Err != nil {
		return Wrongf("the engine stopped by SIGTERM: %v\n%s", p.Err, p.Tail())
	}
	return nil
}

// End makes sure that nothing is left of it.
func (p *Process) End() {
	if !p.Gone() {
		_ = p.Kill() // it may end by itself this moment
	}
}

// Tail is the end of its log.
func (p *Process) Tail() []byte {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-12):], []byte("\n"))
}
