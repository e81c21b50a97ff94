package engine

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"wend/connectors"
)

// Keys of the journal: docs/protocol.md, "Journal".
var (
	keyHead     = []byte("h")
	keyClaim    = []byte("claim/")
	keyDocument = []byte("c/")
	keyIDs      = []byte("i/")
	keyOwed     = []byte("o/")
)

// claimKey is claim/PRODUCER: of each producer id the newest claim outlives compaction, whatever others claim.
func claimKey(producerID int64) []byte {
	return strconv.AppendInt(keyClaim[:len(keyClaim):len(keyClaim)], producerID, 10)
}

// firstClaimKey is claim/PRODUCER/NONCE, for whoever knows of no claim under that producer id: one of these is the first
// there ever was, so compaction must leave them all. Otherwise a claimant who has not seen the first yet takes its place
// with a claim that tells a later beginning, and whoever reads the journal from then on takes another id for the journal's.
func firstClaimKey(producerID int64, nonce [16]byte) []byte {
	return hex.AppendEncode(append(claimKey(producerID), '/'), nonce[:])
}

// isClaim says whether a key is a claim's; before format 2 all had one key.
func isClaim(key string) bool { return strings.HasPrefix(key, string(keyClaim)) || key == "claim" }

// appendOwedKey writes o/TOPIC/PARTITION/SEQUENCE.
func appendOwedKey(dst []byte, tp connectors.TopicPartition, sequence int64) []byte {
	dst = append(append(append(dst, keyOwed...), tp.Topic...), '/')
	dst = append(strconv.AppendInt(dst, int64(tp.Partition), 10), '/')
	return strconv.AppendInt(dst, sequence, 10)
}

func owedKey(tp connectors.TopicPartition, sequence int64) string {
	var room [96]byte // enough for most topics' names
	return string(appendOwedKey(room[:0], tp, sequence))
}

// parseOwedKey reads what appendOwedKey wrote. A topic's name has no slash.
func parseOwedKey(key string) (tp connectors.TopicPartition, sequence int64, err error) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != "o" {
		return tp, 0, fmt.Errorf("engine: %q is no key of an outbox record", key)
	}
	p, err := strconv.ParseInt(parts[2], 10, 32)
	if err != nil {
		return tp, 0, fmt.Errorf("engine: %q is no key of an outbox record", key)
	}
	if sequence, err = strconv.ParseInt(parts[3], 10, 64); err != nil {
		return tp, 0, fmt.Errorf("engine: %q is no key of an outbox record", key)
	}
	return connectors.TopicPartition{Topic: parts[1], Partition: int32(p)}, sequence, nil
}
