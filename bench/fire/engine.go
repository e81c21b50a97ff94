//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"wend/bench/stand"
)

// engine is a member of the fleet: at most one process at a time, which only its track touches.
type engine struct {
	day     *day
	name    string
	random  *rand.Rand
	member  *stand.Member
	process *stand.Process // nil before the first
	aimed   bool           // the process kills itself between journal and publish
	clock   string         // file of WEND_TEST_CLOCK
	disk    string         // mount point of its data, "" when that is no disk of its own
	asks    chan chan struct{}
}

// newEngine makes a member; with a disk of its own where that can be had.
func (d *day) newEngine(name string, r *rand.Rand, disk bool) (*engine, error) {
	m, err := d.NewMember(d.app, name, 0)
	if err != nil {
		return nil, err
	}
	e := &engine{day: d, name: "engine " + name, random: r, member: m, clock: filepath.Join(m.Dir, "clock"), asks: make(chan chan struct{})}
	if disk && d.wanted("disk full") {
		if err := d.mount(m.Data); err != nil {
			d.note(e.name, "no disk of its own, so none that is full: %v", err)
		} else {
			e.disk = m.Data
		}
	}
	return e, e.setClock(0)
}

// setClock says by how much the engine's clock is off.
func (e *engine) setClock(by time.Duration) error {
	return os.WriteFile(e.clock, strconv.AppendInt(nil, by.Milliseconds(), 10), 0o644)
}

// start runs the process until it is ready. What ends it meanwhile is wrong, with two exceptions: an aimed kill, and a start
// that gets no answers from Kafka, which says so and ends before it has begun: whoever runs it starts it again.
func (e *engine) start(ctx context.Context, aimed bool) {
	for wrong := 0; ctx.Err() == nil && wrong < mostWrongStarts; {
		env := []string{"WEND_TEST_CLOCK=" + e.clock}
		if e.aimed = aimed; aimed {
			env = append(env, fmt.Sprintf("WEND_TEST_CRASH=after-journal:%d", 50+e.random.IntN(500)))
		}
		p, err := e.day.Start(e.member, env...)
		if err != nil {
			e.day.wrong(err)
			return
		}
		e.process = p
		err = p.Ready(ctx, readyTimeout)
		switch {
		case err == nil:
			e.day.note(e.name, "ready %.1f s after its start", time.Since(p.Started).Seconds())
			return
		case ctx.Err() != nil:
			return
		case !p.Gone():
			e.day.wrong(fmt.Errorf("%s: %w", e.name, err))
			return
		case e.diedAimed():
			aimed = false
		case p.GaveUp():
			e.day.note(e.name, "could not start: %s", lastLine(p.Tail()))
			e.day.remark("starts that found no Kafka, told so, and were repeated")
			_ = stand.Pause(ctx, time.Second) // ctx is asked above
		default:
			wrong++
			e.day.wrong(fmt.Errorf("%s: %w", e.name, err))
			_ = stand.Pause(ctx, time.Second)
		}
	}
}

// mostWrongStarts is how often an engine that ends by itself is started again: then it is left lying until the next fault.
const mostWrongStarts = 3

// diedAimed says whether the process is gone because it was told to kill itself, and counts it.
func (e *engine) diedAimed() bool {
	if !e.aimed || !e.process.Gone() || !e.process.Killed() {
		return false
	}
	e.aimed = false
	e.day.fault("kill between journal and publish", e.name, "after %.1f s", e.process.EndedAt.Sub(e.process.Started).Seconds())
	return true
}

// alive is asked before and after every fault: a process that ended by itself is wrong, and started again.
func (e *engine) alive(ctx context.Context) {
	if !e.process.Gone() {
		return
	}
	if !e.diedAimed() {
		e.day.wrong(stand.Wrongf("%s ended by itself: %v\n%s", e.name, e.process.Err, e.process.Tail()))
	}
	e.start(ctx, false)
}

// track has one fault after another befall the engine while calm lasts; whole is the context in which things are put right.
func (e *engine) track(ctx, whole context.Context) {
	d := e.day
	faults := d.newDeck(e.random,
		card{"kill -9", func() { e.kill(ctx, whole, "kill -9") }},
		card{"kill between journal and publish", func() { e.aim(ctx, whole) }},
		card{"short stop", func() { e.stop(ctx, "short stop", 500*time.Millisecond, stand.SessionTimeout-time.Second) }},
		card{"zombie", func() { e.stop(ctx, "zombie", stand.SessionTimeout+time.Second, 20*time.Second) }},
		card{"restart", func() { d.fault("restart", e.name, ""); e.restart(whole) }},
		card{"data deleted", func() { e.kill(ctx, whole, "data deleted") }},
		card{"clock ahead", func() { e.step(ctx, whole, "clock ahead") }},
		card{"clock behind", func() { e.step(ctx, whole, "clock behind") }},
		card{"disk full", func() { e.fillDisk(ctx, whole) }},
	)
	for e.calm(ctx, whole, between(e.random, 2*time.Second, 12*time.Second)) {
		e.alive(whole)
		if !faults.draw() {
			_ = stand.Pause(ctx, time.Second) // calm asks
		}
	}
	e.alive(whole)
}

// calm lets the engine work for a while; what it is asked for meanwhile is done. False: the day is over.
func (e *engine) calm(ctx, whole context.Context, t time.Duration) bool {
	end := time.After(t)
	for {
		select {
		case <-end:
			return true
		case done := <-e.asks:
			e.alive(whole)
			e.restart(whole)
			close(done)
		case <-e.process.Ended:
			e.alive(whole)
		case <-ctx.Done():
			return false
		}
	}
}

// kill ends it as a power cut would; sometimes for longer than its session lasts.
func (e *engine) kill(ctx, whole context.Context, kind string) {
	down := between(e.random, 0, 3*time.Second)
	if e.random.IntN(4) == 0 {
		down += stand.SessionTimeout
	}
	if err := e.process.Kill(); err != nil {
		e.day.wrong(err)
		return
	}
	if !e.diedAimed() {
		e.day.fault(kind, e.name, "down for %.1f s", down.Seconds())
	}
	if kind == "data deleted" {
		if err := e.deleteData(); err != nil {
			e.day.wrong(err)
		}
	}
	_ = stand.Pause(ctx, down) // the end of the day cuts it short
	e.start(whole, false)
}

// aim has the next process kill itself between the journal's acknowledgement and the publish.
func (e *engine) aim(ctx, whole context.Context) {
	e.day.note(e.name, "killed, to start again with a kill between journal and publish")
	if err := e.process.Kill(); err != nil {
		e.day.wrong(err)
		return
	}
	e.diedAimed()
	e.start(whole, true)
	if !e.aimed {
		return
	}
	select {
	case <-e.process.Ended:
		e.alive(whole)
	case <-time.After(20 * time.Second): // it owns little just now, perhaps; it stays aimed
	case <-ctx.Done():
	}
}

// stop has it stand still where it stands.
func (e *engine) stop(ctx context.Context, kind string, least, most time.Duration) {
	t := between(e.random, least, most)
	e.day.fault(kind, e.name, "stopped for %.1f s", t.Seconds())
	if err := e.process.Signal(syscall.SIGSTOP); err != nil {
		e.day.wrong(err)
		return
	}
	_ = stand.Pause(ctx, t) // the end of the day wakes it
	if err := e.process.Signal(syscall.SIGCONT); err != nil {
		e.day.wrong(err)
	}
	e.day.note(e.name, "goes on")
}

// restart is an operator's, with SIGTERM.
func (e *engine) restart(whole context.Context) {
	e.retire()
	e.start(whole, false)
}

// retire stops it as an operator would.
func (e *engine) retire() {
	if e.process.Gone() && e.diedAimed() {
		return
	}
	if err := e.process.Stop(stopTimeout); err != nil && !e.diedAimed() {
		e.day.wrong(fmt.Errorf("%s: %w", e.name, err))
		e.process.End()
	}
}

// step sets its clock, for some time, and sets it right again; sometimes it dies in between.
func (e *engine) step(ctx, whole context.Context, kind string) {
	by := between(e.random, time.Minute, 4*time.Hour)
	t := between(e.random, 4*time.Second, 20*time.Second)
	if e.random.IntN(3) == 0 {
		by = between(e.random, time.Minute, 10*time.Minute)
	}
	if kind == "clock behind" {
		by = -by
	}
	e.day.fault(kind, e.name, "by %v, for %.1f s", by.Round(time.Second), t.Seconds())
	if err := e.setClock(by); err != nil {
		e.day.wrong(err)
	}
	_ = stand.Pause(ctx, t)
	if e.random.IntN(3) == 0 && ctx.Err() == nil {
		e.kill(ctx, whole, "kill -9")
		_ = stand.Pause(ctx, t)
	}
	if err := e.setClock(0); err != nil {
		e.day.wrong(err)
	}
	e.day.note(e.name, "its clock is right again")
}

// visits has a member join and leave, in one way or another.
func (e *engine) visits(ctx, whole context.Context) {
	d := e.day
	if !d.wanted("member joins") && !d.wanted("member leaves") {
		return
	}
	for stand.Pause(ctx, between(e.random, 3*time.Second, 15*time.Second)) == nil {
		d.fault("member joins", e.name, "")
		e.start(whole, false)
		e.calm(ctx, whole, between(e.random, 10*time.Second, 40*time.Second))
		e.alive(whole)
		how := e.random.IntN(3)
		d.fault("member leaves", e.name, "%s", []string{"by SIGTERM", "by kill -9", "by kill -9, its data deleted"}[how])
		if how == 0 {
			e.retire()
			continue
		}
		if err := e.process.Kill(); err != nil {
			d.wrong(err)
		}
		if how == 2 {
			if err := e.deleteData(); err != nil {
				d.wrong(err)
			}
		}
	}
}

// rolls restarts one engine after another, each when the one before is ready.
func (d *day) rolls(ctx context.Context) {
	r := d.random(50)
	if !d.wanted("rolling restart") {
		return
	}
	for stand.Pause(ctx, between(r, 20*time.Second, 90*time.Second)) == nil {
		d.fault("rolling restart", "fleet", "")
		for _, e := range d.engines {
			done := make(chan struct{})
			select {
			case e.asks <- done:
				<-done
			case <-ctx.Done():
				return
			}
		}
	}
}
