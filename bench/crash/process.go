//go:build unix

package main

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

// member is a workspace of the app with a data directory and a port of its own.
type member struct {
	name, dir, data, http string
	runs                  int
}

// process is one run of the engine.
type process struct {
	member  *member
	cmd     *exec.Cmd
	log     string
	started time.Time
	ended   chan struct{} // closed when the process is gone; then endedAt and err stand
	endedAt time.Time
	err     error
}

// start runs the binary on a member's workspace.
func (s *stand) start(m *member, env ...string) (*process, error) {
	m.runs++
	p := &process{member: m, log: filepath.Join(m.dir, fmt.Sprintf("run-%d.log", m.runs)), ended: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(s.binary, "run", "-C", m.dir)
	p.cmd.Env = append(os.Environ(), env...)
	if s.o.sabotage != "" {
		p.cmd.Env = append(p.cmd.Env, "WEND_TEST_SABOTAGE="+s.o.sabotage)
	}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ctrl-C is for us: we end it ourselves
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.binary, err)
	}
	s.engines = append(s.engines, p)
	go func() {
		p.err = p.cmd.Wait()
		p.endedAt = time.Now()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v to %s: %w", sig, p.member.name, err)
	}
	return nil
}

// ready waits until /readyz says 200.
func (p *process) ready(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client := http.Client{Timeout: time.Second}
	for {
		if p.gone() {
			return wrongf("the engine ended before it was ready: %v\n%s", p.err, p.tail())
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.member.http+"/readyz", nil)
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
			return wrongf("the engine is not ready after %v\n%s", timeout, p.tail())
		case <-p.ended:
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill ends it as a power cut would, and waits until it is gone.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// killed says whether it died of SIGKILL, whoever sent it.
func (p *process) killed() bool {
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// stop ends it as its operator would; it must end well.
func (p *process) stop(timeout time.Duration) error {
	if p.gone() {
		return wrongf("the engine ended by itself: %v\n%s", p.err, p.tail())
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(timeout):
		return wrongf("the engine still runs %v after SIGTERM\n%s", timeout, p.tail())
	}
	if p.err != nil {
		return wrongf("the engine stopped by SIGTERM: %v\n%s", p.err, p.tail())
	}
	return nil
}

// end makes sure that nothing is left of it.
func (p *process) end() {
	if !p.gone() {
		_ = p.kill() // it may end by itself this moment
	}
}

// tail is the end of its log.
func (p *process) tail() []byte {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-12):], []byte("\n"))
}
