package kafka

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"wend/connectors"
)

func groupUnderTest(t *testing.T) *Group {
	t.Helper()
	brokers := strings.Split(os.Getenv("WEND_TEST_KAFKA"), ",")
	if brokers[0] == "" {
		c, err := kfake.NewCluster(kfake.NumBrokers(3))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		brokers = c.ListenAddrs()
	}
	client, err := New(Options{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return NewGroup(client)
}

// again asks until the coordinator is there.
func again[T any](t *testing.T, ask func() (T, error)) (T, error) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		v, err := ask()
		if !errors.Is(err, connectors.CoordinatorNotAvailable) && !errors.Is(err, connectors.NotCoordinator) &&
			!errors.Is(err, connectors.CoordinatorLoadInProgress) || time.Now().After(deadline) {
			return v, err
		}
	}
}

func TestGroupOfOne(t *testing.T) {
	g := groupUnderTest(t)
	who := connectors.Membership{Group: fmt.Sprintf("g-%d", time.Now().UnixNano()), InstanceID: "i", Generation: -1}
	join := &connectors.JoinRequest{
		Membership: who, SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second,
		Topics: []string{"events"}, UserData: []byte("what I have"),
	}
	joined, err := again(t, func() (*connectors.Joined, error) { return g.Join(t.Context(), join) })
	if err != nil {
		t.Fatal(err)
	}
	want := []connectors.GroupMember{{MemberID: joined.MemberID, InstanceID: "i", UserData: []byte("what I have")}}
	if !joined.Leader || joined.MemberID == "" || !reflect.DeepEqual(joined.Members, want) {
		t.Fatalf("%+v", joined)
	}
	who.MemberID, who.Generation = joined.MemberID, joined.Generation
	assignment := connectors.Assignment{
		Partitions: []connectors.TopicPartition{{Topic: "events", Partition: 0}, {Topic: "events", Partition: 3}, {Topic: "more", Partition: 1}},
		UserData:   []byte("why"),
	}
	got, err := g.Sync(t.Context(), &connectors.SyncRequest{
		Membership: who, Timeout: 10 * time.Second, Assignments: map[string]connectors.Assignment{who.MemberID: assignment},
	})
	if err != nil || !reflect.DeepEqual(*got, assignment) {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := g.Heartbeat(t.Context(), who); err != nil {
		t.Errorf("a member's heartbeat: %v", err)
	}
	members, err := g.Members(t.Context(), who.Group)
	if err != nil || len(members) != 1 || members[0].Host == "" {
		t.Fatalf("members %+v, %v", members, err)
	}
	members[0].Host = ""
	if want := []connectors.AssignedMember{{MemberID: who.MemberID, InstanceID: "i", Partitions: assignment.Partitions}}; !reflect.DeepEqual(members, want) {
		t.Errorf("members %+v, want %+v", members, want)
	}
	if members, err := g.Members(t.Context(), who.Group+"-none"); err != nil || len(members) != 0 {
		t.Errorf("members of no group %+v, %v", members, err)
	}
	for _, c := range []struct {
		name string
		who  func(*connectors.Membership)
		want connectors.Code
	}{
		{"another generation", func(m *connectors.Membership) { m.Generation++ }, connectors.IllegalGeneration},
		{"another process", func(m *connectors.Membership) { m.MemberID = "i-other" }, connectors.FencedInstanceID},
		{"unknown", func(m *connectors.Membership) { m.MemberID, m.InstanceID = "x-other", "x" }, connectors.UnknownMemberID},
	} {
		other := who
		c.who(&other)
		if err := g.Heartbeat(t.Context(), other); !errors.Is(err, c.want) {
			t.Errorf("heartbeat of %s: %v, want %v", c.name, err, c.want)
		}
		if _, err := g.Sync(t.Context(), &connectors.SyncRequest{Membership: other, Timeout: 10 * time.Second}); !errors.Is(err, c.want) {
			t.Errorf("sync of %s: %v, want %v", c.name, err, c.want)
		}
	}
	// The same process started again: the same assignment, the same generation, and the former member is fenced.
	anew, err := g.Join(t.Context(), join)
	if err != nil || anew.Generation != joined.Generation || anew.MemberID == joined.MemberID {
		t.Fatalf("back again: %+v, %v; was %+v", anew, err, joined)
	}
	if err := g.Heartbeat(t.Context(), who); !errors.Is(err, connectors.FencedInstanceID) {
		t.Errorf("the former member's heartbeat: %v", err)
	}
	who.MemberID = anew.MemberID
	if got, err := g.Sync(t.Context(), &connectors.SyncRequest{Membership: who, Timeout: 10 * time.Second}); err != nil || !reflect.DeepEqual(*got, assignment) {
		t.Errorf("back again it is given %+v, %v", got, err)
	}
	if err := g.Leave(t.Context(), who); err != nil {
		t.Error(err)
	}
	if err := g.Leave(t.Context(), who); !errors.Is(err, connectors.UnknownMemberID) {
		t.Errorf("left twice: %v", err)
	}
	join.SessionTimeout = time.Millisecond
	if _, err := g.Join(t.Context(), join); !errors.Is(err, connectors.InvalidSessionTimeout) {
		t.Errorf("a session of a millisecond: %v", err)
	}
}

func TestGroupDynamicMemberIsGivenItsID(t *testing.T) {
	g := groupUnderTest(t)
	join := &connectors.JoinRequest{
		Membership:     connectors.Membership{Group: fmt.Sprintf("g-%d", time.Now().UnixNano()), Generation: -1},
		SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second, Topics: []string{"events"},
	}
	asked, err := again(t, func() (*connectors.Joined, error) { return g.Join(t.Context(), join) })
	if !errors.Is(err, connectors.MemberIDRequired) || asked == nil || asked.MemberID == "" {
		t.Fatalf("%+v, %v", asked, err)
	}
	join.MemberID = asked.MemberID
	if joined, err := g.Join(t.Context(), join); err != nil || joined.MemberID != asked.MemberID {
		t.Fatalf("%+v, %v", joined, err)
	}
}

func FuzzGroupAnswers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 27})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func(*decoder) any{readJoined, readSynced, readBeaten, readLeft} {
			d := &decoder{b: b}
			if read(d) == nil {
				t.Fatal("nothing")
			}
		}
		_, _ = decodeAssignment(b)
		_ = subscriptionUserData(b)
	})
}
