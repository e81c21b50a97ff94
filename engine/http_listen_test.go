package engine

import "testing"

// Nothing listens beyond loopback unless told; what does, and asks for no token, is known.
func TestHTTPOpen(t *testing.T) {
	c := DefaultConfig()
	if c.HTTPOpen() || !loopback(c.HTTP) {
		t.Errorf("by default it listens on %s", c.HTTP)
	}
	for address, open := range map[string]bool{"": false, "127.0.0.1:0": false, "[::1]:80": false, "localhost:80": false, "127.9.9.9:1": false,
		"0.0.0.0:80": true, "[::]:80": true, "10.0.0.1:80": true, "example.com:80": true} {
		c.HTTP, c.HTTPToken = address, ""
		if c.HTTPOpen() != open {
			t.Errorf("%q without a token: open is %v", address, !open)
		}
		c.HTTPToken = "s"
		if c.HTTPOpen() {
			t.Errorf("%q with a token is open", address)
		}
	}
}
