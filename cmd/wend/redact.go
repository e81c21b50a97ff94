package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strconv"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"wend/engine"
)

// redactor keeps customers out of log lines: ids and whatever a message quotes of the input become a short hash, unless
// log.customers is plain. What is of the input stands in Go's double quotes wherever a message is made. The hash is plain
// SHA-256, so that lines of several processes can be brought together, and so that who knows an id finds its lines; a key
// would have to be shared and kept. It hides ids from who reads along, not from who tries ids out.
type redactor struct {
	plain  bool
	quoted *regexp.Regexp
}

func newRedactor(cfg engine.LogConfig) *redactor {
	return &redactor{cfg.Customers == engine.LogPlain, regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*("|$)`)}
}

// id gives a hash in the place of an id.
func (r *redactor) id(s string) string {
	if r.plain {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "#" + hex.EncodeToString(sum[:4])
}

// text gives a message without what it quotes.
func (r *redactor) text(s string) string {
	if r.plain {
		return s
	}
	return r.quoted.ReplaceAllStringFunc(s, func(q string) string {
		if plain, err := strconv.Unquote(q); err == nil { // else it is cut off: a hash of its own
			q = plain
		}
		return r.id(q)
	})
}

// error gives an error without what it quotes; of its kind nothing is left.
func (r *redactor) error(err error) error {
	if err == nil || r.plain {
		return err
	}
	return errors.New(r.text(err.Error()))
}

// redacting is a core whose lines name no customer.
type redacting struct {
	zapcore.Core
	*redactor
}

func (c redacting) With(fields []zapcore.Field) zapcore.Core {
	return redacting{c.Core.With(c.fields(fields)), c.redactor}
}

func (c redacting) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c redacting) Write(e zapcore.Entry, fields []zapcore.Field) error {
	return c.Core.Write(e, c.fields(fields))
}

func (c redacting) fields(fields []zapcore.Field) []zapcore.Field {
	fields = slices.Clone(fields)
	for i := range fields {
		f := &fields[i]
		err, isError := f.Interface.(error)
		switch {
		case f.Type == zapcore.ErrorType && isError:
			*f = zap.String(f.Key, c.text(err.Error()))
		case f.Type == zapcore.StringType && f.Key == "action_id":
			f.String = c.id(f.String)
		case f.Type == zapcore.StringType:
			f.String = c.text(f.String)
		}
	}
	return fields
}
