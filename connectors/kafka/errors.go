package kafka

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"

	"wend/connectors"
)

// cause turns what kafka-go gave into what connectors.Classify understands: its error numbers are Kafka's codes, which
// it also gives for what it finds out by itself (BROKER_NOT_AVAILABLE for an id that its metadata lacks, a refused login).
// All else, a lost connection above all, is left as it is: no answer, so nobody knows.
func (c *Client) cause(err error) error {
	var code kafka.Error
	if errors.As(err, &code) {
		return connectors.Code(code)
	}
	if c.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed)) {
		return ErrClosed
	}
	return err
}
