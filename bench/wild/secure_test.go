//go:build unix

package wild

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func (s *secured) tls(ca string, identity ...string) string {
	line := fmt.Sprintf("  tls: {ca: %q", s.file(ca))
	if len(identity) > 0 {
		line += fmt.Sprintf(", cert: %q, key: %q", s.file(identity[0]+".crt"), s.file(identity[0]+".key"))
	}
	return line + "}\n"
}

func login(mechanism, user string) string {
	return fmt.Sprintf("  sasl: {mechanism: %s, username: %s, password: \"${WILD_PASSWORD}\"}\n", mechanism, user)
}

// TestRealSecureConnections takes an event through the real binary by each way into a secured cluster.
func TestRealSecureConnections(t *testing.T) {
	s := secureCluster(t)
	for _, c := range []struct{ name, listener, security string }{
		{"tls", "TLS", s.tls("ca.pem")},
		{"mutual tls", "MUTUAL", s.tls("ca.pem", "client")},
		{"plain", "LOGIN", login("plain", "wend-engine")},
		{"scram 256", "LOGIN", login("scram-sha-256", "wend-engine")},
		{"scram 512", "LOGIN", login("scram-sha-512", "wend-engine")},
		{"tls and scram 512", "BOTH", s.tls("ca.pem") + login("scram-sha-512", "wend-engine")},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newApp(t, s.cluster.Addrs(), "secure")
			a.configure(s.options.ListenerAddrs(c.listener)[0], c.security)
			s.grantAll(t, a, "wend-engine")
			p := wend(t, []string{"WILD_PASSWORD=" + users["wend-engine"]}, "run", "-C", a.dir)
			a.answered(a.happen(), p)
			if c.name == "scram 512" { // on connections whose logins are no longer good
				time.Sleep(reauthenticate + time.Second)
				a.answered(a.happen(), p)
			}
			p.stop()
		})
	}
}

// TestRealSecureConnectionsRefused: what is wrong with a connection is said at the start, with what to do; it does not hang.
func TestRealSecureConnectionsRefused(t *testing.T) {
	s := secureCluster(t)
	in := func(listener string) string { return s.options.ListenerAddrs(listener)[0] }
	for _, c := range []struct {
		name, broker, security string
		says                   []string
	}{
		{"wrong password, plain", in("LOGIN"), login("plain", "wend-worker"), []string{"SASL_AUTHENTICATION_FAILED", "kafka.sasl.password"}},
		{"wrong password, scram", in("BOTH"), s.tls("ca.pem") + login("scram-sha-512", "wend-worker"), []string{"SASL_AUTHENTICATION_FAILED", "kafka.sasl.password"}},
		{"unknown authority", in("TLS"), s.tls("strangers.pem"), []string{"unknown authority", "kafka.tls.ca"}},
		{"wrong host name", strings.Replace(in("TLS"), "127.0.0.1", "localhost", 1), s.tls("ca.pem"), []string{"localhost", "kafka.brokers"}},
		{"expired certificate", in("EXPIRED"), s.tls("ca.pem"), []string{"expired", "renew"}},
		{"our certificate expired", in("MUTUAL"), s.tls("ca.pem", "old-client"), []string{"kafka.tls.cert"}},
		{"no certificate of ours", in("MUTUAL"), s.tls("ca.pem"), []string{"kafka.tls.cert"}},
		{"no tls where it is wanted", in("TLS"), "", []string{"expects TLS", "kafka.tls"}},
		{"tls where there is none", in("LOGIN"), s.tls("ca.pem") + login("plain", "wend-engine"), []string{"kafka.tls"}},
		{"no login where it is wanted", in("LOGIN"), "", []string{"kafka.sasl"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newApp(t, s.cluster.Addrs(), "refused")
			a.configure(c.broker, c.security)
			began := time.Now()
			p := wend(t, []string{"WILD_PASSWORD=" + users["wend-engine"]}, "run", "-C", a.dir)
			if status := p.status(); status != 2 {
				t.Errorf("status %d", status)
			}
			t.Logf("after %v: %s", time.Since(began).Round(time.Millisecond), p.said())
			for _, want := range c.says {
				if !strings.Contains(p.said(), want) {
					t.Errorf("it does not say %q", want)
				}
			}
		})
	}
}

// grantAll lets a user do everything with what is the app's.
func (s *secured) grantAll(t *testing.T, a *app, user string) {
	t.Helper()
	b := kadm.NewACLs().Allow("User:" + user).AllowHosts("*").ResourcePatternType(kadm.ACLPatternPrefixed).Topics(a.name).Groups(a.name).TransactionalIDs(a.name).Operations(kadm.OpAll)
	s.grant(t, a.client, b)
}

// grant makes ACLs and waits until the broker goes by them, which is a moment after the controller has taken them.
func (s *secured) grant(t *testing.T, c *kgo.Client, b *kadm.ACLBuilder) {
	t.Helper()
	made, err := kadm.NewClient(c).CreateACLs(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range made {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		found, err := kadm.NewClient(c).DescribeACLs(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range found {
			if r.Err == nil && len(r.Described) > 0 {
				n++
			}
		}
		if n == len(found) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the broker does not go by what was granted")
		}
	}
}
