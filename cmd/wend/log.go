package main

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"wend/connectors"
	"wend/connectors/delivery"
	"wend/engine"
	"wend/schemas"
)

// newLogger writes lines to w, as log: says.
func newLogger(cfg engine.LogConfig, w io.Writer) *zap.Logger {
	level, err := zapcore.ParseLevel(cfg.Level)
	if err != nil { // Validate has looked
		level = zapcore.InfoLevel
	}
	e := zap.NewProductionEncoderConfig()
	e.EncodeTime = zapcore.ISO8601TimeEncoder
	encoder := zapcore.NewJSONEncoder(e)
	if cfg.Format == engine.LogText {
		e.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(e)
	}
	return zap.New(redacting{zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level), newRedactor(cfg)})
}

func place(tp connectors.TopicPartition) zap.Field {
	return zap.Dict("at", zap.String("topic", tp.Topic), zap.Int32("partition", tp.Partition))
}

func shardField(id int32) zap.Field { return zap.Int32("shard", id) }

// engineLog writes down what is worth a line. What happens for each unit or action is for the metrics.
func engineLog(log *zap.Logger) engine.Listener {
	restoring := newRestoreLog(log)
	return engine.Listener{
		Restoring: restoring.progress,
		HandedOver: func(shard int32, took time.Duration, whole bool, owed int) {
			if whole {
				log.Info("shard handed over", shardField(shard), zap.Duration("took", took))
				return
			}
			log.Error("there was no time to finish a shard; its next owner does what is left", shardField(shard), zap.Duration("took", took), zap.Int("owed_bytes", owed))
		},
		Assigned: func(generation int32, shards []int32) {
			log.Info("shards assigned", zap.Int32("generation", generation), zap.Int32s("shards", shards))
		},
		Claimed: func(shard int32, epoch int16, restored int64, took time.Duration) {
			log.Info("shard claimed", shardField(shard), zap.Int16("epoch", epoch), zap.Int64("restored", restored), zap.Duration("took", took))
		},
		Dropped: func(shard int32, reason string) {
			log.Info("shard dropped", shardField(shard), zap.String("reason", reason))
		},
		Failed: func(shard int32, err error) {
			log.Error("shard stopped", shardField(shard), zap.Error(err))
		},
		ViewFailed: func(shard int32, f engine.ViewFailure) {
			say := "a view could not be used; its shard begins again"
			if f.Removed {
				say = "a view is damaged; it is removed and made again from the journal"
			}
			log.Error(say, shardField(shard), zap.String("dir", f.Dir), zap.Duration("wait", f.Wait), zap.Error(f.Err))
		},
		Obeyed: func(shard int32, key string, offset int64) {
			log.Info("command obeyed", shardField(shard), zap.String("command", key), zap.Int64("offset", offset))
		},
		Release: func(shard int32, from, to uint64) {
			if from != to {
				log.Info("shard decides by another release", shardField(shard), zap.Uint64("from", from), zap.Uint64("release", to))
			}
		},
		DeadLetter: func(shard int32, topic string, partition int32, offset int64, reason string) {
			log.Warn("dead letter", shardField(shard), place(connectors.TopicPartition{Topic: topic, Partition: partition}), zap.Int64("offset", offset), zap.String("reason", reason))
		},
		Gap: func(shard int32, from, to int64) {
			log.Error("the source no longer has what comes next", shardField(shard), zap.Int64("from", from), zap.Int64("to", to))
		},
		Looked: func(shard int32, tp connectors.TopicPartition) {
			log.Info("looking at an action partition before sending", shardField(shard), place(tp))
		},
		Retry: func(shard int32, tp connectors.TopicPartition, doing string, err error, tries int) {
			if tries&(tries-1) == 0 { // the first, second, fourth, …: a long outage is not a long log
				log.Warn("a request failed and is tried again", shardField(shard), place(tp), zap.String("doing", doing), zap.Int("tries", tries), zap.Error(err))
			}
		},
		RefusedSequence: func(shard int32, tp connectors.TopicPartition, code connectors.Code) {
			log.Warn("the broker expected another sequence", shardField(shard), place(tp), zap.Error(code))
		},
		Refused: func(shard int32, tp connectors.TopicPartition, code connectors.Code, message string) {
			log.Error("the broker will not take actions until somebody changes something", shardField(shard), place(tp), zap.Error(code), zap.String("message", message))
		},
		Lost: func(shard int32, tp connectors.TopicPartition, owed int64, err error) {
			log.Error("the brokers lost acknowledged actions; nothing more is published there until an operator decides", shardField(shard), place(tp), zap.Int64("owed", owed), zap.Error(err))
		},
		ClockStep: func(shard int32, by time.Duration) {
			log.Warn("the machine's clock was set forward; timers wait for the broker's time", shardField(shard), zap.Duration("by", by))
		},
	}
}

// deliveryLog is engineLog for a delivery worker.
func deliveryLog(log *zap.Logger, channel string) delivery.Listener {
	log = log.With(zap.String("channel", channel))
	return delivery.Listener{
		Answered: func(a *schemas.Action, r delivery.Record, err error) {
			if r.Outcome != delivery.Sent {
				log.Warn("action not delivered", zap.String("action_id", a.ID), zap.Error(err))
			}
		},
		Again: func(a *schemas.Action, _ delivery.Record) {
			log.Debug("answered before", zap.String("action_id", a.ID))
		},
		Assigned: func(topic string, partitions []int32) {
			log.Info("partitions assigned", zap.String("topic", topic), zap.Int32s("partitions", partitions))
		},
		Retrying: func(doing string, err error, after time.Duration) {
			log.Warn("failed, and is tried again", zap.String("doing", doing), zap.Duration("after", after), zap.Error(err))
		},
		DeadLetter: func(tp connectors.TopicPartition, offset int64, reason string) {
			log.Warn("dead letter", place(tp), zap.Int64("offset", offset), zap.String("reason", reason))
		},
		Gap: func(tp connectors.TopicPartition, from, to int64) {
			log.Error("the topic no longer has actions that were not delivered", place(tp), zap.Int64("from", from), zap.Int64("to", to))
		},
	}
}
