package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"wend/engine"
)

// crashVariable has the process kill itself at a moment that a test cannot hit from outside. `after-journal:N`: when the
// journal has acknowledged the Nth unit with actions, of all shards together, and none of its actions is published yet.
const crashVariable = "WEND_TEST_CRASH"

// crashPoint gives l with the moment that the variable names.
func crashPoint(value string, l engine.Listener) (engine.Listener, error) {
	if value == "" {
		return l, nil
	}
	count, ok := strings.CutPrefix(value, "after-journal:")
	n, err := strconv.ParseInt(count, 10, 64)
	if !ok || err != nil || n < 1 {
		return l, fmt.Errorf("%s=%s: only after-journal:N is known, N from 1", crashVariable, value)
	}
	var units atomic.Int64
	unit := l.Unit
	l.Unit = func(shard int32, u engine.UnitInfo) {
		if u.Actions > 0 && units.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // nothing after this line happens
			select {}
		}
		if unit != nil {
			unit(shard, u)
		}
	}
	return l, nil
}
