// Package kafka is the cluster as kafka-go reaches it: the only importer of that library, and the one place that knows
// Kafka's wire protocol beside package batch. It implements connectors.Cluster and knows nothing of journals, shards or
// events: it sends one request to one broker and hands back what was answered.
//
// Of kafka-go it uses Transport (connections, TLS, SASL, versions) and the protocol packages' messages. Every request
// goes out as a call: a protocol.RawExchanger, which is given the connection itself, and a protocol.BrokerMessage, which
// names its broker. That way round three habits of Transport do no harm here:
//
//   - it routes by a metadata cache that may be seconds old and that NOT_LEADER does not refresh: a call says itself
//     which broker it wants, from Metadata asked by the engine;
//   - it asks FindCoordinator before every group and transaction request and ignores the error in its answer: coordinators
//     are kept here, and forgotten when one says that it is not;
//   - it gives up waiting when a context ends, but leaves the connection reading: a call pulls the connection's deadline,
//     so that a cancelled long poll ends at the broker too and no answer is ever read by the next request.
//
// Transport has one request in flight per connection and opens another when none is idle: a long poll never holds up
// a produce request, and in the steady state a client has a connection per broker for each kind of request under way.
package kafka
