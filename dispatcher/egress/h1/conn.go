package h1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrHeaderTooLong is a response whose header does not end within
// Options.MaxHeaderBytes.
var ErrHeaderTooLong = errors.New("response header is too long")

// conn is a connection. One request at a time uses it, or the pool keeps it.
type conn struct {
	net.Conn // TLS for https
	at       place
	pool     *pool
	maxHead  int64
	in       *bufio.Reader
	out      *bufio.Writer
	raw      net.Conn             // below TLS
	sys      syscall.RawConn      // of raw; nil if it is no socket
	secure   *tls.ConnectionState // nil for http
	reused   bool                 // set by take: it has carried a request
	idle     time.Time            // set by put: since when

	// Of the request it carries, set by send and Write, Read and receive.
	touched bool  // a byte of it may have left
	broken  bool  // a write failed
	left    int64 // how many bytes may still be read
}

func newConn(nc net.Conn, at place, t *Transport) *conn {
	c := &conn{Conn: nc, at: at, pool: &t.pool, maxHead: t.o.MaxHeaderBytes, raw: nc}
	c.in, c.out = bufio.NewReader(c), bufio.NewWriter(c)
	if secure, ok := nc.(*tls.Conn); ok {
		state := secure.ConnectionState()
		c.secure, c.raw = &state, secure.NetConn()
	}
	if socket, ok := c.raw.(syscall.Conn); ok {
		c.sys, _ = socket.SyscallConn() // an error: no socket
	}
	return c
}

// Read bounds what a response's header can make us hold.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// Write notes what decides whether a request may be sent again.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.touched = c.touched || n > 0
	c.broken = c.broken || err != nil
	return n, err
}

// untaken tells that the request met a closed connection: no byte of it left.
func (c *conn) untaken() bool { return c.broken && !c.touched }

// drop closes the connection at once. It goes around TLS, whose farewell could
// wait for a peer that reads nothing.
func (c *conn) drop() { _ = c.raw.Close() }

// exchange makes a request on c and gives c away: to the pool, to the body of
// the response, or to nobody.
func (c *conn) exchange(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	stop := context.AfterFunc(ctx, c.drop)
	resp, err := c.converse(r)
	if err != nil {
		stop()
		c.drop()
		return nil, because(ctx, err)
	}
	resp.TLS = c.secure
	keep := !resp.Close && !r.Close && !c.broken && resp.StatusCode >= http.StatusOK
	if resp.Body == http.NoBody {
		c.release(stop, keep)
	} else {
		resp.Body = &body{rest: resp.Body, request: r, conn: c, stop: stop, keep: keep}
	}
	return resp, nil
}

// release gives the connection to the pool if it may be kept, nothing is left to
// read, and the context, stopped by stop, did not close it.
func (c *conn) release(stop func() bool, keep bool) {
	if stop() && keep && c.in.Buffered() == 0 {
		c.pool.put(c)
	} else {
		c.drop()
	}
}

// because is why a request failed: the end of its context, if it has ended, as
// that closed the connection.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (c *conn) converse(r *http.Request) (*http.Response, error) {
	sent := c.send(r)
	if sent != nil && (!c.broken || c.untaken()) {
		return nil, sent
	}
	// A receiver may refuse and hang up before it has read everything. What it
	// said tells more than the broken pipe, and reading does not wait for it.
	resp, err := c.receive(r)
	if sent != nil && err != nil {
		return nil, sent
	}
	return resp, err
}

func (c *conn) send(r *http.Request) error {
	c.touched, c.broken = false, false
	if err := r.Write(c.out); err != nil { // closes the body
		return err
	}
	return c.out.Flush()
}

// receive reads a response up to its body. It passes over 1xx responses, which
// share the bound on the header; nobody asked for a 101, so it is the last.
func (c *conn) receive(r *http.Request) (*http.Response, error) {
	c.left = c.maxHead
	for {
		resp, err := http.ReadResponse(c.in, r)
		if err != nil && c.left <= 0 {
			return nil, ErrHeaderTooLong // err is what the cut looks like, and all before it
		}
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			c.left = math.MaxInt64
			return resp, nil
		}
	}
}

// body is the body of a response. It owns the connection until its end.
type body struct {
	rest    io.Reader // its Close is never called: that would read to the end, however far
	request *http.Request
	conn    *conn
	stop    func() bool
	keep    bool        // the connection may be used again after the end
	ended   atomic.Bool // the connection was given away; Close may come during a Read
}

// Read reads on. With the last byte the connection is free again.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.end(b.keep)
	case err != nil:
		b.end(false)
		err = because(b.request.Context(), err)
	}
	return n, err
}

// Close gives up what was not read, and with it the connection.
func (b *body) Close() error {
	b.end(false)
	return nil
}

func (b *body) end(keep bool) {
	if !b.ended.Swap(true) {
		b.conn.release(b.stop, keep)
	}
}
