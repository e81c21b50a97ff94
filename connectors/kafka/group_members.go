package kafka

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/segmentio/kafka-go/protocol/describegroups"

	"wend/connectors"
)

// Members implements connectors.Group. A group that nobody knows has no members.
func (g *Group) Members(ctx context.Context, group string) ([]connectors.AssignedMember, error) {
	v, err := g.client.askGroup(ctx, group, describeVersion, g.client.options.RequestTimeout, &describegroups.Request{Groups: []string{group}}, readMembers)
	if err != nil {
		return nil, fmt.Errorf("members of %s: %w", group, err)
	}
	answer := v.(membersAnswer)
	if err := g.client.groupCode(group, answer.code); err != nil {
		return nil, fmt.Errorf("members of %s: %w", group, err)
	}
	return answer.members, nil
}

type membersAnswer struct {
	code    connectors.Code
	members []connectors.AssignedMember
}

func readMembers(d *decoder) any {
	d.int32() // throttle time
	var a membersAnswer
	for range d.count(18) { // one: that was asked about
		a.code = connectors.Code(d.int16())
		d.string() // group
		d.string() // state
		d.string() // protocol type
		d.string() // protocol
		for range d.count(16) {
			m := connectors.AssignedMember{MemberID: d.string(), InstanceID: d.string()}
			d.string() // client id
			m.Host = strings.TrimPrefix(d.string(), "/")
			if host, _, err := net.SplitHostPort(m.Host); err == nil { // some brokers tell the port as well, which nobody listens on
				m.Host = host
			}
			d.bytes()                                                // subscription
			if got, err := decodeAssignment(d.bytes()); err == nil { // of who speaks another protocol nothing is known
				m.Partitions = got.Partitions
			}
			a.members = append(a.members, m)
		}
		d.int32() // authorized operations
	}
	return a
}
