package main

import (
	"math"
	"sync"
	"time"

	"go.uber.org/zap"

	"wend/engine"
)

// restoreEvery is how often a line tells how far a view has come. What is done sooner has a line of its own.
const restoreEvery = 3 * time.Second

// restoreLog writes such lines.
type restoreLog struct {
	log *zap.Logger

	mu   sync.Mutex
	last map[int32]told // by shard
}

type told struct {
	at        time.Time
	documents int64
}

func newRestoreLog(log *zap.Logger) *restoreLog {
	return &restoreLog{log: log, last: map[int32]told{}}
}

func (r *restoreLog) progress(shard int32, i engine.RestoreInfo) {
	now := time.Now()
	r.mu.Lock()
	last, ok := r.last[shard]
	begun := !ok || i.Documents < last.documents // another restore
	late := begun || i.Position < i.End && now.Sub(last.at) >= restoreEvery
	if late {
		r.last[shard] = told{now, i.Documents}
	}
	r.mu.Unlock()
	if begun || !late {
		return
	}
	r.log.Info("restoring", shardField(shard), zap.Float64("percent", math.Round(i.Part()*1000)/10), zap.Int64("documents", i.Documents),
		zap.Float64("documents_per_second", math.Round(float64(i.Documents-last.documents)/now.Sub(last.at).Seconds())), zap.Duration("took", i.Took))
}
