package engine

import "net"

// HTTPOpen says that the HTTP side is to listen where other machines reach it, and asks them for nothing.
func (c *Config) HTTPOpen() bool { return c.HTTP != "" && c.HTTPToken == "" && !loopback(c.HTTP) }

// loopback says whether only this machine can reach a listener there.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
