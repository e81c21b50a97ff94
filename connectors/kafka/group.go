package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol/heartbeat"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/leavegroup"
	"github.com/segmentio/kafka-go/protocol/syncgroup"

	"wend/connectors"
)

// Group is connectors.Group on a Kafka cluster, over a Client that stays its owner's to close.
type Group struct{ client *Client }

var _ connectors.Group = (*Group)(nil)

// NewGroup makes a Group that asks through client.
func NewGroup(client *Client) *Group { return &Group{client: client} }

// joinGrace is how long past the members' rebalance timeout a join may go unanswered.
const joinGrace = 5 * time.Second

// Join implements connectors.Group.
func (g *Group) Join(ctx context.Context, req *connectors.JoinRequest) (*connectors.Joined, error) {
	v, err := g.client.askGroup(ctx, req.Group, joinGroupVersion, req.RebalanceTimeout+joinGrace, &joingroup.Request{
		GroupID:            req.Group,
		SessionTimeoutMS:   int32(req.SessionTimeout.Milliseconds()),
		RebalanceTimeoutMS: int32(req.RebalanceTimeout.Milliseconds()),
		MemberID:           req.MemberID,
		GroupInstanceID:    req.InstanceID,
		ProtocolType:       connectors.GroupProtocolType,
		Protocols:          []joingroup.RequestProtocol{{Name: connectors.GroupProtocolName, Metadata: encodeSubscription(req.Topics, req.UserData)}},
	}, readJoined)
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	answer := v.(joinAnswer)
	if err := g.client.groupCode(req.Group, answer.code); err != nil {
		return &answer.joined, fmt.Errorf("join: %w", err)
	}
	return &answer.joined, nil
}

// Sync implements connectors.Group.
func (g *Group) Sync(ctx context.Context, req *connectors.SyncRequest) (*connectors.Assignment, error) {
	r := &syncgroup.Request{
		GroupID: req.Group, GenerationID: req.Generation, MemberID: req.MemberID, GroupInstanceID: req.InstanceID,
	}
	for id, a := range req.Assignments {
		r.Assignments = append(r.Assignments, syncgroup.RequestAssignment{MemberID: id, Assignment: encodeAssignment(a)})
	}
	v, err := g.client.askGroup(ctx, req.Group, syncGroupVersion, req.Timeout+joinGrace, r, readSynced)
	if err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	answer := v.(syncAnswer)
	if err := g.client.groupCode(req.Group, answer.code); err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	a, err := decodeAssignment(answer.assignment)
	if err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	return a, nil
}

// Heartbeat implements connectors.Group.
func (g *Group) Heartbeat(ctx context.Context, who connectors.Membership) error {
	v, err := g.client.askGroup(ctx, who.Group, heartbeatVersion, g.client.options.RequestTimeout, &heartbeat.Request{
		GroupID: who.Group, GenerationID: who.Generation, MemberID: who.MemberID, GroupInstanceID: who.InstanceID,
	}, readBeaten)
	if err == nil {
		err = g.client.groupCode(who.Group, v.(connectors.Code))
	}
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	return nil
}

// Leave implements connectors.Group.
func (g *Group) Leave(ctx context.Context, who connectors.Membership) error {
	v, err := g.client.askGroup(ctx, who.Group, leaveGroupVersion, g.client.options.RequestTimeout, &leavegroup.Request{
		GroupID: who.Group,
		Members: []leavegroup.RequestMember{{MemberID: who.MemberID, GroupInstanceID: who.InstanceID}},
	}, readLeft)
	if err == nil {
		err = g.client.groupCode(who.Group, v.(connectors.Code))
	}
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

type joinAnswer struct {
	code   connectors.Code
	joined connectors.Joined
}

func readJoined(d *decoder) any {
	d.int32() // throttle time
	a := joinAnswer{code: connectors.Code(d.int16())}
	a.joined.Generation = d.int32()
	d.string() // the protocol chosen: there is one
	leader := d.string()
	a.joined.MemberID = d.string()
	a.joined.Leader = leader == a.joined.MemberID
	n := d.count(8)
	for range n {
		a.joined.Members = append(a.joined.Members, connectors.GroupMember{
			MemberID: d.string(), InstanceID: d.string(), UserData: subscriptionUserData(d.bytes()),
		})
	}
	return a
}

type syncAnswer struct {
	code       connectors.Code
	assignment []byte
}

func readSynced(d *decoder) any {
	d.int32() // throttle time
	return syncAnswer{code: connectors.Code(d.int16()), assignment: d.bytes()}
}

func readBeaten(d *decoder) any {
	d.int32() // throttle time
	return connectors.Code(d.int16())
}

// readLeft gives the first error, the request's or a member's.
func readLeft(d *decoder) any {
	d.int32() // throttle time
	code := connectors.Code(d.int16())
	for range d.count(6) {
		d.string() // member
		d.string() // instance
		if c := connectors.Code(d.int16()); code == connectors.OK {
			code = c
		}
	}
	return code
}
