// Package streamstest gives a test a real JetStream server of its own, with the
// pipe's streams on it.
//
// Inside testing/synctest the server runs on the bubble's clock, so a schedule
// of days takes milliseconds. Two things make that work, and both are here: the
// server opens no sockets, and the access-time ticker of its file store, which
// would otherwise be started inside the bubble and never end, is started
// outside by [Main].
package streamstest

import (
	"log/slog"
	"os"
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/streams"
)

// Main is the TestMain of a package that uses [Start] inside a synctest bubble.
func Main(m *testing.M) {
	ats.Register()
	os.Exit(m.Run())
}

// Env is a server with the pipe's streams, and a connection to it.
type Env struct {
	streams.Applied
	NC     *nats.Conn
	Server *broker.Server
	tb     testing.TB
}

// Small is a layout that starts fast, for tests that do not measure.
func Small() streams.Options {
	var o streams.Options
	o.Layout.Partitions, o.Layout.Shards = 4, 2
	return o
}

// Start runs a server in the test's temporary folder until the test ends.
func Start(tb testing.TB, o streams.Options) *Env {
	tb.Helper()
	s, err := broker.StartEmbedded(tb.Context(), broker.Embedded{DataDir: tb.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	e := &Env{Server: s, tb: tb}
	e.NC = e.Connect()
	if e.Applied, err = streams.Apply(tb.Context(), e.NC, o); err != nil {
		tb.Fatal(err)
	}
	return e
}

// Connect opens one more connection, closed when the test ends.
func (e *Env) Connect() *nats.Conn {
	e.tb.Helper()
	nc, err := e.Server.Connect(e.tb.Name(), slog.New(slog.DiscardHandler))
	if err != nil {
		e.tb.Fatal(err)
	}
	e.tb.Cleanup(nc.Close)
	return nc
}
