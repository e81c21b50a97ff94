package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"

	"wend/connectors"
)

// cause turns what kafka-go gave into what connectors.Classify understands: its error numbers are Kafka's codes, which
// it also gives for what it finds out by itself (BROKER_NOT_AVAILABLE for an id that its metadata lacks, a refused login).
// All else, a lost connection above all, is left as it is: no answer, so nobody knows.
func (c *Client) cause(err error) error {
	var code kafka.Error
	if errors.As(err, &code) {
		answered := connectors.Code(code)
		if detail := err.Error(); detail != code.Error() {
			return fmt.Errorf("%w: %s", answered, detail)
		}
		return answered
	}
	if c.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed)) {
		return ErrClosed
	}
	if c.options.SASL.Mechanism != "" && errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w (some brokers close the connection on a login that they refuse)", err)
	}
	return err
}
