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
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/streams"
)

// Main is the TestMain of a package that uses [Start] inside a synctest bubble. It
// fails if a goroutine is left when all tests have ended.
func Main(m *testing.M) {
	ats.Register()
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// Env is a server with the pipe's streams, and a connection to it.
type Env struct {
	streams.Applied
	NC *nats.Conn

	tb  testing.TB
	dir string

	mu     sync.Mutex     // guards Server against the connections that dial it
	Server *broker.Server // nil while it is down
}

// Small is a layout that starts fast, for tests that do not measure.
func Small() streams.Options {
	var o streams.Options
	o.Layout.Partitions, o.Layout.Shards = 4, 2
	return o
}

// DropTimers lets go of the timers that the NATS client has pooled, now and at
// the end of the test. The pool is the process's: a timer made in one bubble
// crashes whoever gets it outside. [Start] calls it; a test that connects
// otherwise does so itself, first of all. For the same reason tests with bubbles
// do not run in parallel.
func DropTimers(tb testing.TB) {
	drop := func() {
		runtime.GC() // a sync.Pool forgets what two collections found unused
		runtime.GC()
	}
	drop()
	tb.Cleanup(drop)
}

// Start runs a server in the test's temporary folder until the test ends.
func Start(tb testing.TB, o streams.Options) *Env {
	tb.Helper()
	DropTimers(tb)
	e := &Env{tb: tb, dir: tb.TempDir()}
	e.Up()
	tb.Cleanup(e.Down)
	e.NC = e.Connect()
	applied, err := streams.Apply(tb.Context(), e.NC, o)
	if err != nil {
		tb.Fatal(err)
	}
	e.Applied = applied
	return e
}

// Connect opens one more connection, closed when the test ends. It outlives the
// server, as a process does that connects to a server elsewhere.
func (e *Env) Connect() *nats.Conn {
	e.tb.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(e), nats.Name(e.tb.Name()),
		nats.MaxReconnects(-1), nats.ReconnectWait(250*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		e.tb.Fatal(err)
	}
	e.tb.Cleanup(nc.Close)
	return nc
}

// ConnectFor opens a connection that breaks for good after so many bytes were
// written to it, in the middle of whatever is being said: how a process dies.
// Gone is closed when that has happened.
func (e *Env) ConnectFor(written int) (nc *nats.Conn, gone <-chan struct{}) {
	e.tb.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect("", nats.InProcessServer(&mortal{e, written}), nats.Name(e.tb.Name()),
		nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		e.tb.Fatal(err)
	}
	e.tb.Cleanup(nc.Close)
	return nc, closed
}

// mortal makes connections that end after some bytes.
type mortal struct {
	e     *Env
	bytes int
}

func (m *mortal) InProcessConn() (net.Conn, error) {
	c, err := m.e.InProcessConn()
	return &mortalConn{Conn: c, left: m.bytes}, err
}

// mortalConn is written to by one goroutine at a time: the client sees to it.
type mortalConn struct {
	net.Conn
	left int
}

func (c *mortalConn) Write(b []byte) (int, error) {
	if len(b) <= c.left {
		c.left -= len(b)
		return c.Conn.Write(b)
	}
	n, _ := c.Conn.Write(b[:c.left])
	c.left = 0
	_ = c.Close()
	return n, net.ErrClosed
}

// Down stops the server.
func (e *Env) Down() {
	e.mu.Lock()
	s := e.Server
	e.Server = nil
	e.mu.Unlock()
	if s != nil {
		s.Close() // who dials meanwhile does not wait
	}
}

// Up starts the server on what it has stored.
func (e *Env) Up() {
	e.tb.Helper()
	s, err := broker.StartEmbedded(context.Background(), broker.Embedded{DataDir: e.dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		e.tb.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Server = s
}

// Remember copies what the server, which has to be down, has stored of a stream and
// its consumers. Once forget is called, while it is down again, that is all it knows of
// the stream: how a crash forgets.
func (e *Env) Remember(stream string) (forget func()) {
	e.tb.Helper()
	dirs, err := filepath.Glob(filepath.Join(e.dir, "*", "*", "streams", stream))
	if err != nil || len(dirs) != 1 {
		e.tb.Fatalf("stream %s is stored in %v, %v; want one folder", stream, dirs, err)
	}
	kept := filepath.Join(e.tb.TempDir(), stream)
	put := func(from, to string) {
		e.tb.Helper()
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			e.tb.Fatal(err)
		}
	}
	put(dirs[0], kept)
	return func() {
		e.tb.Helper()
		if err := os.RemoveAll(dirs[0]); err != nil {
			e.tb.Fatal(err)
		}
		put(kept, dirs[0])
	}
}

// InProcessConn is what the connections dial.
func (e *Env) InProcessConn() (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Server == nil {
		return nil, errors.New("the server is down")
	}
	return e.Server.InProcessConn()
}
