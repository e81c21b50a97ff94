package kafka

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go/protocol"

	"wend/connectors"
)

// call is one request to one broker, in the shape that Transport takes: it asks a call for its broker, opens or picks
// a connection there, and hands that over to exchange, in a goroutine of the connection. An error of exchange makes
// Transport close the connection: no later request can read the rest of this one's answer.
type call struct {
	ctx      context.Context
	api      protocol.ApiKey
	broker   int32 // -1: any of the bootstrap list
	exchange func(conn protocolConn, version int16) (any, error)
	version  int16
	known    bool
}

// protocolConn is what protocol.Conn is beside a reader and writer.
type protocolConn interface {
	io.ReadWriter
	SetDeadline(time.Time) error
	LocalAddr() net.Addr
}

// answer carries what exchange gave. It is a type of ours, because Transport acts by itself on some of kafka-go's: after
// createtopics.Response it would wait until its own metadata shows the topics, which it never asks for here.
type answer struct {
	api   protocol.ApiKey
	value any
}

func (a *answer) ApiKey() protocol.ApiKey { return a.api }

func (c *call) ApiKey() protocol.ApiKey { return c.api }

// Broker implements protocol.BrokerMessage: Transport goes by the id alone and has the address from its own metadata.
func (c *call) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: c.broker}, nil
}

// Required implements protocol.RawExchanger. It is called by the goroutine that calls RawExchange next, and is the only
// place that sees the versions negotiated: the lower of what the broker and kafka-go speak.
func (c *call) Required(versions map[protocol.ApiKey]int16) bool {
	c.version, c.known = versions[c.api]
	return true
}

// RawExchange implements protocol.RawExchanger. Transport sets the connection's deadline from the context's; the end of
// the context before that pulls the deadline to now.
func (c *call) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	conn, ok := rw.(protocolConn)
	if !ok {
		return nil, fmt.Errorf("kafka-go gave a %T without deadlines as its connection", rw)
	}
	if !c.known {
		return nil, fmt.Errorf("%s: %w", c.api, connectors.UnsupportedVersion)
	}
	stop := context.AfterFunc(c.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	value, err := c.exchange(conn, c.version)
	if !stop() {
		// The deadline is pulled, or will be at any moment: this connection must not be used again.
		return nil, context.Cause(c.ctx)
	}
	if err != nil {
		return nil, err
	}
	return &answer{api: c.api, value: value}, nil
}

// do sends a call and waits for its answer, at most until timeout. A broker of -1 means any.
func (c *Client) do(ctx context.Context, broker int32, timeout time.Duration, api protocol.ApiKey,
	exchange func(conn protocolConn, version int16) (any, error),
) (any, error) {
	ctx, done, err := c.begin(ctx, timeout)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := c.transport.RoundTrip(ctx, c.bootstrap, &call{ctx: ctx, api: api, broker: broker, exchange: exchange})
	if err != nil {
		return nil, c.cause(err)
	}
	a, ok := r.(*answer)
	if !ok {
		return nil, fmt.Errorf("kafka-go answered a %s request with %T", api, r)
	}
	return a.value, nil
}

// send sends one of kafka-go's own messages to a broker and gives the answer to it, without what Transport does around
// such messages. The message must not be changed until send returns, and not at all when it returns an error.
func (c *Client) send(ctx context.Context, broker int32, timeout time.Duration, msg protocol.Message) (protocol.Message, error) {
	id := c.lastID.Add(1)
	v, err := c.do(ctx, broker, timeout, msg.ApiKey(), func(conn protocolConn, version int16) (any, error) {
		if p, ok := msg.(protocol.PreparedMessage); ok {
			p.Prepare(version)
		}
		return protocol.RoundTrip(conn, version, id, c.options.ClientID, msg)
	})
	if err != nil {
		return nil, err
	}
	m, ok := v.(protocol.Message)
	if !ok {
		return nil, fmt.Errorf("no answer to a %s request", msg.ApiKey())
	}
	return m, nil
}
