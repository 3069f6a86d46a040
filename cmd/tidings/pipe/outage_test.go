package pipe

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// outage is a broker that is gone as it is asked something of JetStream: each
// connection that is used from then on breaks, and no other can be made.
type outage struct {
	env  *streamstest.Env
	gone chan struct{} // closed when it is

	mu    sync.Mutex // guards what follows
	asked int        // requests so far
	at    int        // the request from which on it is gone; 0 for none
}

// InProcessConn is [nats.InProcessConnProvider.InProcessConn].
func (o *outage) InProcessConn() (net.Conn, error) {
	if o.loses(nil) {
		return nil, net.ErrClosed
	}
	c, err := o.env.InProcessConn()
	return &outageConn{c, o}, err
}

type outageConn struct {
	net.Conn
	*outage
}

// Write is [net.Conn.Write].
func (c *outageConn) Write(b []byte) (int, error) {
	if c.loses(b) {
		time.AfterFunc(time.Millisecond, func() { _ = c.Close() }) // what is answered before is read
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// loses reports whether what is written is lost.
func (o *outage) loses(b []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.asked
	o.asked += bytes.Count(b, []byte("$JS.API."))
	if o.at == 0 || o.asked < o.at {
		return false
	}
	if before < o.at {
		close(o.gone)
	}
	return true
}

// end ends the outage.
func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at = 0
}

// requests is how many there were so far.
func (o *outage) requests() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

// started is what became of a start.
type started struct {
	process *Process
	err     error
}

// start has the pipe start on the broker, which is gone from a request on.
func (o *outage) start(ctx context.Context, settings config.Settings, at int) <-chan started {
	o.mu.Lock()
	o.asked, o.at, o.gone = 0, at, make(chan struct{})
	o.mu.Unlock()
	done := make(chan started, 1)
	go func() {
		p, err := Start(ctx, settings, slog.New(slog.DiscardHandler), Hooks{Broker: o})
		done <- started{p, err}
	}()
	return done
}

// newOutage is a broker with streams, and settings of a pipe on it.
func newOutage(t *testing.T) (*outage, config.Settings) {
	t.Helper()
	o := &outage{env: streamstest.Start(t, streamstest.Small())}
	settings := testSettings(t.TempDir())
	settings.NATS.URL = "nats://nowhere:1"
	settings.SecretsKeyFile = tempFile(t, "secrets.key", []byte(seal.NewKey()))
	return o, settings
}

// TestStartsDuringAnOutage has the broker gone for a while, from each of the requests
// on that a start makes: the pipe runs once it is over.
func TestStartsDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, settings := newOutage(t)
		requests := 1
		for at := 0; at <= requests; at++ {
			done := o.start(t.Context(), settings, at)
			var s started
			select {
			case s = <-done:
			case <-o.gone:
				<-time.After(20 * time.Second)
				o.end()
				s = <-done
			}
			if s.err != nil {
				t.Fatalf("request %d of %d: %v", at, requests, s.err)
			}
			if at == 0 {
				requests = o.requests()
			}
			if err := s.process.Stop(); err != nil {
				t.Errorf("request %d of %d: stop: %v", at, requests, err)
			}
		}
		t.Logf("%d requests", requests)
	})
}

// TestAnOutageThatLasts has the broker stay away: who waits is told at last.
func TestAnOutageThatLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, settings := newOutage(t)
		s := <-o.start(t.Context(), settings, 0)
		requests := o.requests()
		if s.err != nil {
			t.Fatal(s.err)
		}
		if err := s.process.Stop(); err != nil {
			t.Error(err)
		}
		for _, at := range []int{1, requests / 2, requests * 3 / 4} {
			began := time.Now()
			s := <-o.start(t.Context(), settings, at)
			if took := time.Since(began); !schemas.HasCode(s.err, schemas.CodeUnavailable) || took < clusterWait || took > 2*clusterWait {
				t.Errorf("request %d: it ended with %v after %s", at, s.err, took)
			}
			o.end()
		}
	})
}
