// Command echo is the floor that latencies are held against: kafka-go's Reader and Writer, one look at the type of each
// event, an action for every purchase, no state and no promise.
// It is a module of its own because in Wend's only the connector may import kafka-go.
//
//	echo BROKERS GROUP SOURCE ACTIONS
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: echo BROKERS GROUP SOURCE ACTIONS")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, strings.Split(os.Args[1], ","), os.Args[2], os.Args[3], os.Args[4])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, brokers []string, group, source, actions string) error {
	failed := make(chan error, 1)
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: brokers, GroupID: group, Topic: source, StartOffset: kafka.FirstOffset,
		MinBytes: 1, MaxBytes: 4 << 20, MaxWait: 500 * time.Millisecond, CommitInterval: time.Second, QueueCapacity: 2000})
	w := &kafka.Writer{Addr: kafka.TCP(brokers...), Topic: actions, Balancer: kafka.Murmur2Balancer{Consistent: true},
		BatchSize: 500, BatchTimeout: time.Millisecond, RequiredAcks: kafka.RequireAll, Async: true,
		Completion: func(_ []kafka.Message, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		}}
	for {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			if ctx.Err() == nil {
				return err
			}
			break
		}
		if a := action(m.Value); a != nil {
			if err := w.WriteMessages(ctx, kafka.Message{Key: m.Key, Value: a}); err != nil && ctx.Err() == nil {
				return err
			}
		}
		// In the background, and not ordered behind the write: a floor promises nothing.
		if err := r.CommitMessages(ctx, m); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		default:
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return r.Close()
}

// action is what an event is answered with, or nil.
func action(event []byte) []byte {
	if string(field(event, `"type":"`)) != "purchase" {
		return nil
	}
	b := append(make([]byte, 0, 320), `{"action_id":"`...)
	b = append(append(b, field(event, `"event_id":"`)...), `","journey":"j3","customer_id":"`...)
	b = append(append(b, field(event, `"customer_id":"`)...), `","channel":"shop","template":"thank_you","params":{},"variant":{},"cause":{"event_id":"`...)
	b = append(append(b, field(event, `"event_id":"`)...), `","ts":`...)
	b = append(append(b, field(event, `"ts":`)...), `},"expires_at":null,"transactional":false}`...)
	return b
}

func field(event []byte, name string) []byte {
	i := bytes.Index(event, []byte(name))
	if i < 0 {
		return nil
	}
	event = event[i+len(name):]
	j := bytes.IndexAny(event, `",}`)
	if j < 0 {
		return nil
	}
	return event[:j]
}
