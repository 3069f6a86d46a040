package config_test

import (
	"testing"

	"github.com/tidings-dev/tidings/config"
)

func TestWhereMetricsAre(t *testing.T) {
	for _, c := range []struct {
		metrics, http, public string
		shared                bool
		own                   string
	}{
		{"", "127.0.0.1:8080", "", true, ""},
		{"", "[::1]:8080", "", true, ""},
		{"", "localhost:0", "", true, ""},
		{"", "127.0.0.1:8080", "https://hooks.example.com", false, ""},
		{"", ":8080", "", false, ""},
		{"", "0.0.0.0:8080", "", false, ""},
		{"", "10.0.0.1:8080", "", false, ""},
		{"", "", "", false, ""},
		{"http", "0.0.0.0:8080", "https://hooks.example.com", true, ""},
		{"http", "", "", false, ""},
		{"none", "127.0.0.1:8080", "", false, ""},
		{"10.0.0.1:9464", "127.0.0.1:8080", "", false, "10.0.0.1:9464"},
	} {
		s := config.Settings{HTTPAddr: c.http, PublicURL: c.public, Metrics: config.Metrics{Addr: c.metrics}}
		if s.MetricsShared() != c.shared || s.MetricsAddr() != c.own {
			t.Errorf("%+v: shared %t, own %q", c, s.MetricsShared(), s.MetricsAddr())
		}
	}
}

func TestSeriesAreBounded(t *testing.T) {
	for _, m := range []config.Metrics{{Tenants: -1}, {Tenants: 1001}, {Endpoints: -1}, {Endpoints: 1001}} {
		s := config.Settings{Roles: []string{"all"}, Metrics: m}
		if s.Validate() == nil {
			t.Errorf("%+v is valid", m)
		}
	}
}
