package workload

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Channel is what the journeys send on, and the templates what they send.
const (
	Channel  = "shop"
	Coupon   = "view_coupon"   // j1: the third look within BrowseWithin
	Reminder = "cart_reminder" // j2: nothing bought for Workspace.Await after the last add_to_cart
	Welcome  = "welcome"       // j3: the first purchase
	ThankYou = "thank_you"     // j3: each later one
)

// BrowseWithin is how far apart the first and the third look may be.
const BrowseWithin = 599_999 * time.Millisecond

// Workspace is a directory of files that `wend run` takes.
type Workspace struct {
	App            string
	Brokers        string // host:port, with commas
	Source         string // topic
	Actions        string // topic
	DataDir        string
	HTTP           string        // host:port
	Await          time.Duration // whole milliseconds
	SessionTimeout time.Duration // zero: the engine's own
	UnitEvents     int           // the most events of a unit; zero: the engine's own
	Journeys       string        // YAML documents in place of the cart's journeys and their profile; "": those
}

// Write makes the files in dir.
func (w *Workspace) Write(dir string) error {
	for name, text := range w.files() {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write the workspace: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the workspace: %w", err)
		}
	}
	return nil
}

func (w *Workspace) files() map[string]string {
	var c strings.Builder
	fmt.Fprintf(&c, "app: %s\nkafka:\n  brokers: [%s]\n", w.App, w.Brokers)
	if w.SessionTimeout > 0 {
		fmt.Fprintf(&c, "  session_timeout: %dms\n", w.SessionTimeout.Milliseconds())
	}
	fmt.Fprintf(&c, "source: {topic: %s}\nactions: {topic: %s}\ndata_dir: %q\nhttp: %s\nlog: {level: info}\n", w.Source, w.Actions, w.DataDir, w.HTTP)
	if w.UnitEvents > 0 {
		fmt.Fprintf(&c, "unit: {max_events: %d}\n", w.UnitEvents)
	}
	if w.Journeys != "" {
		return map[string]string{"wend.yaml": c.String(), "journeys/all.yaml": w.Journeys}
	}
	return map[string]string{
		"wend.yaml": c.String(),
		"profile.yaml": `attributes: {purchases: int}
update:
  - {on: purchase, set: {purchases: "{{ profile.purchases + 1 }}"}}
`,
		"journeys/j1.yaml": fmt.Sprintf(`journey: j1
enter: {on: browse, times: 3, within: %dms, again: always}
steps:
  - {send: shop, template: view_coupon}
`, BrowseWithin.Milliseconds()),
		"journeys/j2.yaml": fmt.Sprintf(`journey: j2
enter: {on: add_to_cart, again: after_exit}
exit: [{on: purchase}]
steps:
  - await:
      within: %dms
      events: [{on: add_to_cart, reset: true}]
      timeout: [{send: shop, template: cart_reminder}]
`, w.Await.Milliseconds()),
		"journeys/j3.yaml": `journey: j3
enter: {on: purchase, again: always}
steps:
  - branch:
      - if: profile.purchases == 1
        do: [{send: shop, template: welcome}]
      - do: [{send: shop, template: thank_you}]
`,
	}
}
