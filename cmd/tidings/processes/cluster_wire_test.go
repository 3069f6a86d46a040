package processes

import (
	"context"
	"net"
	"sync"
	"testing"
)

// wire carries TCP connections to an address until it is cut.
type wire struct {
	addr, to string
	listener net.Listener
	wg       sync.WaitGroup // the goroutines of all connections

	mu      sync.Mutex // guards what follows
	state   wireState
	changed chan struct{} // closed and replaced when state changes
	conns   map[net.Conn]struct{}
}

// wireState is what becomes of what is sent.
type wireState int

const (
	whole  wireState = iota
	silent           // nothing arrives, no connection ends, and new ones hang: a network that drops all packets
	gone             // the test has ended
)

// lay opens a wire to an address, where nobody need listen yet.
func lay(t *testing.T, to string) *wire {
	t.Helper()
	w := &wire{addr: freeAddress(t), to: to, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	var err error
	if w.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", w.addr); err != nil {
		t.Fatal(err)
	}
	w.wg.Go(w.accept)
	t.Cleanup(func() {
		_ = w.listener.Close() // nobody can hear of an error
		w.set(gone)
		w.wg.Wait()
	})
	return w
}

func (w *wire) set(s wireState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
	close(w.changed)
	w.changed = make(chan struct{})
	if s == gone {
		for c := range w.conns {
			_ = c.Close() // breaking it is the point
		}
		clear(w.conns)
	}
}

// settled returns the state once it is another than silent.
func (w *wire) settled() wireState {
	for {
		w.mu.Lock()
		state, changed := w.state, w.changed
		w.mu.Unlock()
		if state != silent {
			return state
		}
		<-changed
	}
}

func (w *wire) accept() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.wg.Go(func() { w.carry(c) })
	}
}

// carry connects a connection to where the wire leads.
func (w *wire) carry(from net.Conn) {
	defer from.Close() //nolint:errcheck // nothing more is said on it
	if w.settled() != whole {
		return
	}
	to, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.to)
	if err != nil {
		return
	}
	defer to.Close() //nolint:errcheck // likewise
	if !w.enter(from, to) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { w.copy(to, from) })
	w.copy(from, to)
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, from)
	delete(w.conns, to)
}

// enter notes two connections, unless the wire is no longer whole.
func (w *wire) enter(from, to net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == gone {
		return false
	}
	w.conns[from], w.conns[to] = struct{}{}, struct{}{}
	return true
}

// copy carries one direction until it ends, and then ends the other. That one
// side has closed does not get through a silent wire either.
func (w *wire) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.settled()
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close() // both are over
			_ = from.Close()
			return
		}
	}
}
