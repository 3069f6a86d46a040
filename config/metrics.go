package config

import (
	"net"
	"net/netip"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/schemas"
)

// Metrics is where and in how many series the process shows what it measures.
type Metrics struct {
	// Addr is an address of their own, or one of the words below.
	Addr string
	// Tenants and Endpoints are how many have series of their own.
	Tenants   int
	Endpoints int
}

// Words for Metrics.Addr. Empty is MetricsOnHTTP if only this machine reaches
// --http-addr, else MetricsNowhere: who may call the API shall not see other tenants'
// traffic.
const (
	MetricsOnHTTP  = "http" // on --http-addr, whoever reaches it
	MetricsNowhere = "none"
)

// maxSeries bounds Tenants and Endpoints: each is some dozens of series.
const maxSeries = 1000

func (m *Metrics) bind(f *pflag.FlagSet) {
	f.StringVar(&m.Addr, "metrics-addr", "", "where /metrics is: an address of its own, http for --http-addr whoever reaches it, none for nowhere; empty for --http-addr if that is on loopback and there is no --public-url")
	f.IntVar(&m.Tenants, "metrics-tenants", 0, "how many tenants have metrics of their own, the first that come; the others are one")
	f.IntVar(&m.Endpoints, "metrics-endpoints", 10, "how many endpoints have, those that are worst off at the moment")
}

func (m *Metrics) validate() error {
	if m.Tenants < 0 || m.Tenants > maxSeries {
		return schemas.Errorf(schemas.CodeInvalid, "--metrics-tenants %d: use 0 to %d", m.Tenants, maxSeries)
	}
	if m.Endpoints < 0 || m.Endpoints > maxSeries {
		return schemas.Errorf(schemas.CodeInvalid, "--metrics-endpoints %d: use 0 to %d", m.Endpoints, maxSeries)
	}
	return nil
}

// MetricsShared reports whether /metrics is on --http-addr.
func (s *Settings) MetricsShared() bool {
	switch s.Metrics.Addr {
	case MetricsOnHTTP:
		return s.HTTPAddr != ""
	case "":
		return s.PublicURL == "" && onLoopback(s.HTTPAddr)
	}
	return false
}

// MetricsAddr is their own address; empty for none.
func (s *Settings) MetricsAddr() string {
	switch s.Metrics.Addr {
	case MetricsOnHTTP, MetricsNowhere:
		return ""
	}
	return s.Metrics.Addr
}

// onLoopback reports whether only this machine reaches an address.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
