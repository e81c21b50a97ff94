package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"wend/connectors"
)

// ErrClosed is given by every method of a closed client, and by calls that were under way then.
var ErrClosed = errors.New("client is closed")

// Options of a client. Only Brokers must be given.
type Options struct {
	Brokers  []string // host:port, any of the cluster
	ClientID string   // how the brokers' logs and quotas name this client; "wend" when empty

	TLS  *tls.Config // nil: plain text
	SASL SASL        // no Mechanism: none

	// Dial opens a connection; nil: net.Dialer. For tests and proxies.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Released sees the memory of a connectors.Lease that has ended, before it is used again; nil: nobody does. For tests,
	// which spoil it.
	Released func(memory []byte)

	DialTimeout    time.Duration // of a connection with its TLS and version handshake; 5 s when zero
	RequestTimeout time.Duration // until a broker that holds nothing back must have answered; 10 s when zero
	IdleTimeout    time.Duration // after which an unused connection is closed; 4 min when zero (brokers: 10 min)
}

// SASL is how the client makes itself known.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; empty: no SASL
	Username  string
	Password  string
}

func (o Options) withDefaults() Options {
	if o.ClientID == "" {
		o.ClientID = "wend"
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = 5 * time.Second
	}
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = 10 * time.Second
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 4 * time.Minute
	}
	return o
}

// Validate gives every problem of the options at once.
func (o Options) Validate() error {
	var problems []error
	if len(o.Brokers) == 0 {
		problems = append(problems, errors.New("no broker is named: give host:port of one or more"))
	}
	for _, b := range o.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			problems = append(problems, fmt.Errorf("broker %q is not host:port", b))
		}
	}
	if _, err := o.SASL.mechanism(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch strings.ToUpper(s.Mechanism) {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Mechanism{Username: s.Username, Password: s.Password}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, s.Username, s.Password)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, s.Username, s.Password)
	}
	return nil, fmt.Errorf("SASL mechanism %q is not known: use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.Mechanism)
}

// Client is a connectors.Cluster on a real cluster. It opens connections when they are first needed.
type Client struct {
	options   Options
	bootstrap net.Addr
	transport *kafka.Transport
	conns     conns
	buffers   buffers
	lastID    atomic.Int32

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu struct {
		sync.Mutex
		closed       bool
		brokers      []int32 // as last heard, to ask for what any broker can answer
		next         int     // which of them; len(brokers) is the bootstrap list
		controller   int32
		leaders      map[connectors.TopicPartition]leader
		coordinators map[coordinatorKey]int32
		metadataMax  map[string]int16 // by address: the highest Metadata version that the broker there speaks
	}
}

type leader struct {
	broker int32
	epoch  int32
}

var _ connectors.Cluster = (*Client)(nil)

// New makes a client. It connects to nobody yet: an unreachable cluster shows in the first call.
func New(options Options) (*Client, error) {
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("kafka options: %w", err)
	}
	options = options.withDefaults()
	mechanism, err := options.SASL.mechanism()
	if err != nil {
		return nil, fmt.Errorf("kafka options: %w", err)
	}
	c := &Client{options: options, bootstrap: kafka.TCP(options.Brokers...)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.mu.controller = -1
	c.mu.leaders = map[connectors.TopicPartition]leader{}
	c.mu.coordinators = map[coordinatorKey]int32{}
	c.mu.metadataMax = map[string]int16{}
	c.buffers.released = options.Released
	c.conns.dial, c.conns.plain = options.Dial, options.TLS == nil
	c.transport = &kafka.Transport{
		Dial:        c.conns.open,
		DialTimeout: options.DialTimeout,
		IdleTimeout: options.IdleTimeout,
		ClientID:    options.ClientID,
		TLS:         options.TLS,
		SASL:        mechanism,
		Context:     c.ctx,
		// What Transport asks by itself is only the brokers' addresses: no topics (nil would be all of the cluster's).
		MetadataTopics: []string{},
		MetadataTTL:    3 * time.Second,
	}
	return c, nil
}

// Close ends every connection and waits for the calls under way, which fail with ErrClosed. It may be called twice.
func (c *Client) Close() error {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	c.cancel()
	c.calls.Wait()
	c.transport.CloseIdleConnections()
	c.conns.close()
	return nil
}

// begin lets a call in: its context ends with the caller's, after timeout, and with the client. Done must be called.
func (c *Client) begin(ctx context.Context, timeout time.Duration) (call context.Context, done func(), err error) {
	c.mu.Lock()
	if c.mu.closed {
		c.mu.Unlock()
		return nil, nil, ErrClosed
	}
	c.calls.Add(1)
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	stop := context.AfterFunc(c.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
		c.calls.Done()
	}, nil
}

// anyBroker is one to ask what every broker can answer: the one that answered last, -1 for the bootstrap list.
func (c *Client) anyBroker() int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.next < len(c.mu.brokers) {
		return c.mu.brokers[c.mu.next]
	}
	return -1
}

// failed moves anyBroker on when the one asked gave no answer, so that a dead broker is not asked twice running.
func (c *Client) failed(broker int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	current := int32(-1)
	if c.mu.next < len(c.mu.brokers) {
		current = c.mu.brokers[c.mu.next]
	}
	if current == broker {
		c.mu.next = (c.mu.next + 1) % (len(c.mu.brokers) + 1)
	}
}
