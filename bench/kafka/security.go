//go:build unix

package realkafka

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Listener is one more door to each broker.
type Listener struct {
	Name string // upper case, beginning with a letter
	SASL bool   // PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, for Options.Users

	// PEM files, all empty without TLS. Kafka takes a key in PKCS #8 alone.
	Identity  string // the broker's key and certificate
	ClientsOf string // authorities of the clients' certificates, which are then demanded; the principal is the certificate's name
}

func (l *Listener) protocol() string {
	switch {
	case l.SASL && l.Identity != "":
		return "SASL_SSL"
	case l.SASL:
		return "SASL_PLAINTEXT"
	case l.Identity != "":
		return "SSL"
	}
	return "PLAINTEXT"
}

// ListenerPort is where node n (from 1) serves the listener of that place in Options.Listeners.
func (o Options) ListenerPort(node, place int) int { return o.port(node) + 2 + place }

// ListenerAddrs are the brokers' addresses on a listener, node 1 first; none when there is no such listener.
func (o Options) ListenerAddrs(name string) []string {
	place := slices.IndexFunc(o.Listeners, func(l Listener) bool { return l.Name == name })
	if place < 0 {
		return nil
	}
	var addrs []string
	for n := 1; n <= max(o.Nodes, 1); n++ {
		addrs = append(addrs, "127.0.0.1:"+strconv.Itoa(o.ListenerPort(n, place)))
	}
	return addrs
}

func (o Options) listeners(node int) string {
	var b strings.Builder
	for i, l := range o.Listeners {
		fmt.Fprintf(&b, ",%s://127.0.0.1:%d", l.Name, o.ListenerPort(node, i))
	}
	return b.String()
}

func (o Options) protocols() string {
	var b strings.Builder
	for _, l := range o.Listeners {
		fmt.Fprintf(&b, ",%s:%s", l.Name, l.protocol())
	}
	return b.String()
}

// security gives the lines of listeners and authorizer.
func (o Options) security() []string {
	var lines []string
	for _, l := range o.Listeners {
		prefix := "listener.name." + strings.ToLower(l.Name) + "."
		if l.Identity != "" {
			lines = append(lines, prefix+"ssl.keystore.type=PEM", prefix+"ssl.keystore.location="+l.Identity)
		}
		if l.ClientsOf != "" {
			lines = append(lines, prefix+"ssl.truststore.type=PEM", prefix+"ssl.truststore.location="+l.ClientsOf, prefix+"ssl.client.auth=required")
		}
		if l.SASL {
			plain := prefix + "plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required"
			for _, u := range slices.Sorted(maps.Keys(o.Users)) {
				plain += fmt.Sprintf(" user_%s=%q", u, o.Users[u])
			}
			lines = append(lines, prefix+"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", plain+";")
			for _, m := range []string{"scram-sha-256", "scram-sha-512"} {
				lines = append(lines, prefix+m+".sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;")
			}
		}
	}
	if o.Authorize {
		lines = append(lines, "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS")
	}
	return lines
}

// scramUsers are what a new storage is told of users; PLAIN's stand in the properties.
func (o Options) scramUsers() []string {
	var args []string
	if !slices.ContainsFunc(o.Listeners, func(l Listener) bool { return l.SASL }) {
		return nil
	}
	for _, u := range slices.Sorted(maps.Keys(o.Users)) {
		for _, m := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", m, u, o.Users[u]))
		}
	}
	return args
}
