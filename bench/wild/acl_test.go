//go:build unix

package wild

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// right is one operation of one line of docs/kafka.md.
type right struct {
	user, operation, kind, name string
	prefixed                    bool
}

func (r right) String() string {
	return fmt.Sprintf("%s: %s on %s %s", r.user, r.operation, r.kind, r.name)
}

func (r right) acl(t *testing.T) *kadm.ACLBuilder {
	t.Helper()
	operation, err := kmsg.ParseACLOperation(r.operation)
	if err != nil {
		t.Fatal(err)
	}
	pattern := kadm.ACLPatternLiteral
	if r.prefixed {
		pattern = kadm.ACLPatternPrefixed
	}
	b := kadm.NewACLs().Allow("User:" + r.user).AllowHosts("*").ResourcePatternType(pattern).Operations(operation)
	switch r.kind {
	case "topic":
		return b.Topics(r.name)
	case "group":
		return b.Groups(r.name)
	default:
		return b.TransactionalIDs(r.name)
	}
}

// documented are the rights that docs/kafka.md grants, for an app instead of shop.
func documented(t *testing.T, a *app) (rights []right) {
	t.Helper()
	text, err := os.ReadFile("../../docs/kafka.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("<!-- acls -->\n```sh\n((?s:.*?))```").FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/kafka.md has no block of rights")
	}
	for line := range strings.Lines(string(block[1])) {
		var operations []string
		r := right{}
		words := strings.Fields(line)
		for i, w := range words {
			switch w {
			case "--allow-principal":
				r.user = strings.TrimPrefix(words[i+1], "User:")
			case "--operation":
				operations = append(operations, words[i+1])
			case "--resource-pattern-type":
				r.prefixed = true
			case "--topic", "--group", "--transactional-id":
				r.kind, r.name = strings.TrimPrefix(w, "--"), words[i+1]
			}
		}
		switch r.name {
		case "events":
			r.name = a.source()
		case "actions.":
			r.name = a.actions()
		default:
			r.name = strings.Replace(r.name, "shop", a.name, 1)
		}
		for _, o := range operations {
			r.operation = o
			rights = append(rights, r)
		}
	}
	if len(rights) < 20 {
		t.Fatalf("only %d rights are documented", len(rights))
	}
	return rights
}

func (s *secured) revoke(t *testing.T, a *app, r right) {
	t.Helper()
	c := kadm.NewClient(a.client)
	if _, err := c.DeleteACLs(t.Context(), r.acl(t)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		found, err := c.DescribeACLs(t.Context(), r.acl(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 && len(found[0].Described) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v is still granted", r)
		}
	}
}

// TestRealLeastRights takes events through topics, engine and worker with exactly what docs/kafka.md grants; then takes
// away each of the engine's rights, has it said, and grants it again.
func TestRealLeastRights(t *testing.T) {
	s := secureCluster(t)
	a := newApp(t, s.cluster.Addrs(), "rights")
	broker := s.options.ListenerAddrs("LOGIN")[0]
	as := func(user string) []string {
		a.configure(broker, login("scram-sha-512", user))
		return []string{"WILD_PASSWORD=" + users[user]}
	}
	rights := documented(t, a)

	// Without any, the start says so.
	p := wend(t, as("wend-engine"), "run", "-C", a.dir)
	if status := p.status(); status != 2 || !strings.Contains(p.said(), "no right to Describe topic") {
		t.Errorf("without rights: status %d: %s", status, p.said())
	}
	for _, r := range rights {
		s.grant(t, a.client, r.acl(t))
	}
	p = wend(t, as("wend-operator"), "topics", "-C", a.dir)
	if status := p.status(); status != 0 {
		t.Fatalf("wend topics: status %d: %s", status, p.said())
	}
	engine := wend(t, append(as("wend-engine"), "WEND_DATA_DIR="+t.TempDir()), "run", "-C", a.dir, "--no-create-topics")
	a.answered(a.happen(), engine)
	worker := wend(t, append(as("wend-worker"), "WEND_DATA_DIR="+t.TempDir()), "deliver", "-C", a.dir, "--channel", "push")
	worker.says(0, `"event_id":"e1"`, `"event_id":"e2"`)
	s.reported(t, a)
	worker.stop()

	for _, c := range []struct{ kind, name, operation, says string }{
		{"topic", a.source(), "Read", "no right to Read topic " + a.source()},
		{"topic", a.name + ".journal", "Write", "no right to Write topic " + a.name + ".journal"},
		{"topic", a.actions(), "Write", "no right to Write topic " + a.actions()},
		{"group", a.name, "Read", "no right to Read group " + a.name},
	} {
		r := find(t, rights, c.kind, c.name, c.operation)
		from := len(engine.said())
		s.revoke(t, a, r)
		ids := a.happen()
		engine.says(from, c.says, "kafka-acls --add --operation "+c.operation)
		s.grant(t, a.client, r.acl(t))
		a.answered(ids, engine)
	}

	// Reading the action topic is for whoever is in doubt, which a refusal leaves.
	write, read := find(t, rights, "topic", a.actions(), "Write"), find(t, rights, "topic", a.actions(), "Read")
	from := len(engine.said())
	s.revoke(t, a, write)
	ids := a.happen()
	engine.says(from, "no right to Write topic "+a.actions())
	s.revoke(t, a, read)
	engine.says(from, "no right to Describe topic "+a.actions())
	for p := range int32(partitions) { // something that has to be read
		if err := a.client.ProduceSync(t.Context(), &kgo.Record{Topic: a.actions(), Key: []byte([]string{"c0", "c1"}[p]), Value: fmt.Appendf(nil, `{"event_id":"stranger-%d"}`, p)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s.grant(t, a.client, write.acl(t))
	engine.says(from, "no right to Read topic "+a.actions())
	s.grant(t, a.client, read.acl(t))
	a.answered(ids, engine)
	engine.stop()

	// What only a claim needs.
	for _, c := range []struct{ kind, name, operation, says string }{
		{"topic", a.name + ".journal", "Read", "no right to Read topic " + a.name + ".journal"},
		{"transactional-id", a.name + "/", "Write", "no right to Write transactional-id " + a.name + "/"},
	} {
		r := find(t, rights, c.kind, c.name, c.operation)
		s.revoke(t, a, r)
		engine := wend(t, append(as("wend-engine"), "WEND_DATA_DIR="+t.TempDir()), "run", "-C", a.dir, "--no-create-topics")
		ids := a.happen()
		engine.says(0, c.says)
		s.grant(t, a.client, r.acl(t))
		a.answered(ids, engine)
		engine.stop()
	}
	// What the start needs.
	for _, name := range []string{a.source(), a.name + ".journal", a.actions(), a.name + ".dead-letter", a.name + ".control"} {
		r := find(t, rights, "topic", name, "DescribeConfigs")
		s.revoke(t, a, r)
		engine := wend(t, as("wend-engine"), "run", "-C", a.dir, "--no-create-topics")
		if status := engine.status(); status != 2 || !strings.Contains(engine.said(), "no right to DescribeConfigs topic "+name) {
			t.Errorf("%v: status %d: %s", r, status, engine.said())
		}
		s.grant(t, a.client, r.acl(t))
	}
}

// TestRealDoctorsRights has `wend doctor` say nothing is wrong with exactly the documented rights of whoever may run it,
// and name each that is taken away.
func TestRealDoctorsRights(t *testing.T) {
	s := secureCluster(t)
	a := newApp(t, s.cluster.Addrs(), "doctor")
	rights := documented(t, a)
	for _, r := range rights {
		s.grant(t, a.client, r.acl(t))
	}
	as := func(user string, args ...string) *process {
		a.configure(s.options.ListenerAddrs("LOGIN")[0], login("scram-sha-512", user))
		return wend(t, []string{"WILD_PASSWORD=" + users[user]}, append(args, "-C", a.dir)...)
	}
	if p := as("wend-operator", "topics"); p.status() != 0 {
		t.Fatalf("wend topics: %s", p.said())
	}
	for _, user := range []string{"wend-operator", "wend-engine"} {
		if p := as(user, "doctor"); p.status() != 0 {
			t.Errorf("%s: status %d:\n%s", user, p.status(), p.said())
		}
	}
	for operation, kind := range map[string]string{"Describe": "topic", "DescribeConfigs": "topic", "Write": "transactional-id"} {
		var taken []right // of all topics: the app's prefix covers the others here
		for _, r := range rights {
			if r.user == "wend-operator" && r.operation == operation {
				taken = append(taken, r)
				s.revoke(t, a, r)
			}
		}
		p := as("wend-operator", "doctor")
		if want := "no right to " + operation + " " + kind; p.status() != 1 || !strings.Contains(p.said(), want) {
			t.Errorf("without %v: status %d, and not %q:\n%s", taken, p.status(), want, p.said())
		}
		for _, r := range taken {
			s.grant(t, a.client, r.acl(t))
		}
	}
}

func find(t *testing.T, rights []right, kind, name, operation string) right {
	t.Helper()
	for _, r := range rights {
		if r.user == "wend-engine" && r.kind == kind && r.name == name && r.operation == operation {
			return r
		}
	}
	t.Fatalf("%s on %s %s is not documented", operation, kind, name)
	return right{}
}

// reported waits until the source holds what the worker says of both actions.
func (s *secured) reported(t *testing.T, a *app) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		ends, err := kadm.NewClient(a.client).ListEndOffsets(ctx, a.source())
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
		if n >= 4 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
