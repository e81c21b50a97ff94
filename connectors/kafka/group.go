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
	metadata, err := encodeSubscription(req.Topics, req.UserData)
	if err != nil {
		return nil, fmt.Errorf("join group %s: encode subscription: %w", req.Group, err)
	}
	m, err := g.client.askGroup(ctx, req.Group, joinGroupVersion, req.RebalanceTimeout+joinGrace, &joingroup.Request{
		GroupID:            req.Group,
		SessionTimeoutMS:   int32(req.SessionTimeout.Milliseconds()),
		RebalanceTimeoutMS: int32(req.RebalanceTimeout.Milliseconds()),
		MemberID:           req.MemberID,
		GroupInstanceID:    req.InstanceID,
		ProtocolType:       connectors.GroupProtocolType,
		Protocols:          []joingroup.RequestProtocol{{Name: connectors.GroupProtocolName, Metadata: metadata}},
	})
	if err != nil {
		return nil, fmt.Errorf("join group %s: %w", req.Group, err)
	}
	res, ok := m.(*joingroup.Response)
	if !ok {
		return nil, fmt.Errorf("join group %s: answer is a %T", req.Group, m)
	}
	joined := &connectors.Joined{Generation: res.GenerationID, MemberID: res.MemberID}
	if err := g.client.groupCode(req.Group, res.ErrorCode); err != nil {
		return joined, fmt.Errorf("join group %s: %w", req.Group, err)
	}
	joined.Leader = res.LeaderID == res.MemberID
	for _, member := range res.Members {
		joined.Members = append(joined.Members, connectors.GroupMember{
			MemberID: member.MemberID, InstanceID: member.GroupInstanceID, UserData: subscriptionUserData(member.Metadata),
		})
	}
	return joined, nil
}

// Sync implements connectors.Group.
func (g *Group) Sync(ctx context.Context, req *connectors.SyncRequest) (*connectors.Assignment, error) {
	r := &syncgroup.Request{
		GroupID: req.Group, GenerationID: req.Generation, MemberID: req.MemberID, GroupInstanceID: req.InstanceID,
	}
	for id, a := range req.Assignments {
		b, err := encodeAssignment(a)
		if err != nil {
			return nil, fmt.Errorf("sync group %s: encode assignment: %w", req.Group, err)
		}
		r.Assignments = append(r.Assignments, syncgroup.RequestAssignment{MemberID: id, Assignment: b})
	}
	m, err := g.client.askGroup(ctx, req.Group, syncGroupVersion, req.Timeout, r)
	if err != nil {
		return nil, fmt.Errorf("sync group %s: %w", req.Group, err)
	}
	res, ok := m.(*syncgroup.Response)
	if !ok {
		return nil, fmt.Errorf("sync group %s: answer is a %T", req.Group, m)
	}
	if err := g.client.groupCode(req.Group, res.ErrorCode); err != nil {
		return nil, fmt.Errorf("sync group %s: %w", req.Group, err)
	}
	a, err := decodeAssignment(res.Assignments)
	if err != nil {
		return nil, fmt.Errorf("sync group %s: %w", req.Group, err)
	}
	return a, nil
}

// Heartbeat implements connectors.Group.
func (g *Group) Heartbeat(ctx context.Context, who connectors.Membership) error {
	m, err := g.client.askGroup(ctx, who.Group, heartbeatVersion, g.client.options.RequestTimeout, &heartbeat.Request{
		GroupID: who.Group, GenerationID: who.Generation, MemberID: who.MemberID, GroupInstanceID: who.InstanceID,
	})
	if err != nil {
		return fmt.Errorf("heartbeat to group %s: %w", who.Group, err)
	}
	res, ok := m.(*heartbeat.Response)
	if !ok {
		return fmt.Errorf("heartbeat to group %s: answer is a %T", who.Group, m)
	}
	if err := g.client.groupCode(who.Group, res.ErrorCode); err != nil {
		return fmt.Errorf("heartbeat to group %s: %w", who.Group, err)
	}
	return nil
}

// Leave implements connectors.Group.
func (g *Group) Leave(ctx context.Context, who connectors.Membership) error {
	m, err := g.client.askGroup(ctx, who.Group, leaveGroupVersion, g.client.options.RequestTimeout, &leavegroup.Request{
		GroupID: who.Group,
		Members: []leavegroup.RequestMember{{MemberID: who.MemberID, GroupInstanceID: who.InstanceID}},
	})
	if err != nil {
		return fmt.Errorf("leave group %s: %w", who.Group, err)
	}
	res, ok := m.(*leavegroup.Response)
	if !ok {
		return fmt.Errorf("leave group %s: answer is a %T", who.Group, m)
	}
	codes := []int16{res.ErrorCode}
	for _, member := range res.Members {
		codes = append(codes, member.ErrorCode)
	}
	for _, code := range codes {
		if err := g.client.groupCode(who.Group, code); err != nil {
			return fmt.Errorf("leave group %s: %w", who.Group, err)
		}
	}
	return nil
}
