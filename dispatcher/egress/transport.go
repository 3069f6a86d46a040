package egress

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/egress/h1"
)

// Options says how requests leave. The zero value allows public addresses over
// https.
type Options struct {
	// Guard judges every connection. The zero value is the strictest.
	Guard Guard

	// Dialer is the dialer to start from, for its Resolver or LocalAddr. Its
	// Control and ControlContext are replaced by the guard's.
	Dialer net.Dialer

	// Proxy is an HTTP proxy that makes all connections, in the guard's place: the
	// guard judges what the URLs show, and the proxy what names resolve to. None is
	// ever taken from the environment. See [CheckProxy].
	Proxy *url.URL

	// Dial replaces the network, as a test with pipes does; nil means the real
	// one. The guard works inside Dialer, so with Dial set NOTHING IS GUARDED:
	// neither the ranges nor the rule that http needs an allowed one.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// TLS configures the client side of https; nil means Go's defaults. It is
	// cloned. With an empty ServerName each host is verified by its own name.
	TLS *tls.Config

	// ConnectTimeout bounds resolving, connecting and the TLS handshake of one
	// connection together. 10s by default. It is needed beside the deadline of
	// the request, which net/http does not pass on to the dial it starts.
	ConnectTimeout time.Duration

	// MaxIdlePerHost is how many idle HTTP/1.1 connections are kept for each
	// scheme, host and port; negative keeps none. 512 by default: many endpoints
	// may share a host, and a connection more than is kept is opened anew for
	// each request.
	MaxIdlePerHost int

	// MaxOpen is how many connections there may be before those that no request uses
	// are closed, all of them: each is a file of the process. It should be well above
	// how many requests there are at once. 0 is no bound.
	MaxOpen int

	// IdleTimeout is how long an unused connection is kept. 90s by default, as
	// in http.DefaultTransport.
	IdleTimeout time.Duration

	opened *opened // of a transport and its fallback
}

func (o Options) withDefaults() Options {
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 10 * time.Second
	}
	if o.MaxIdlePerHost == 0 {
		o.MaxIdlePerHost = 512
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 90 * time.Second
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{}
	}
	if o.opened == nil {
		o.opened = &opened{most: int64(o.MaxOpen)}
	}
	return o
}

const (
	// maxHeaderBytes bounds a response's header. A receiver answers with a
	// status; 64 KiB is generous.
	maxHeaderBytes = 64 << 10

	// An HTTP/2 connection that was silent for pingAfter is asked for a sign of
	// life and closed without one within pingTimeout, and so is one that takes
	// nothing for that long. One connection carries many attempts, so a dead one must
	// not be waited for until TCP gives up.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// NewTransport makes the transport of outgoing requests. It follows the scheme
// policy of [Guard], uses no proxy from the environment (it would connect in the
// guard's place), negotiates HTTP/2 over TLS, asks for no
// compression and undoes none (nobody wants the body, and little can be made much),
// and bounds response headers at 64 KiB (HTTP/2 counts 32 bytes more for
// each field, RFC 9113 §6.5.2). A refused connection fails with a [*Denied], a
// failed handshake with a [*HandshakeError].
//
// A connection over TLS ends when its peer floods it, whether or not a request
// waits.
//
// Use it with RoundTrip, which follows no redirect. The TLS hooks of httptrace
// fire when the handshake is already over, so they measure nothing.
func NewTransport(o Options) *Transport {
	o = o.withDefaults()
	t := &http.Transport{
		Proxy:              nil,
		TLSClientConfig:    o.TLS.Clone(),
		ForceAttemptHTTP2:  true,
		DisableCompression: true,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: pingTimeout,
			MaxReceiveBufferPerStream: streamWindow,
		},
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    o.MaxIdlePerHost,
		IdleConnTimeout:        o.IdleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	dialHTTP, dialHTTPS := o.dialFor("http"), o.dialFor("https")

	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
		defer cancel()
		return dialHTTP(ctx, network, addr)
	}
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
		defer cancel()
		conn, err := dialHTTPS(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		// The transport adds the HTTP versions it speaks to its own copy of the
		// configuration, once, before its first dial.
		return handshake(ctx, newMeter(conn), addr, t.TLSClientConfig.Clone())
	}
	o.opened.closeIdle = t.CloseIdleConnections
	return &Transport{t}
}

// NewLight is NewTransport with small POST requests over HTTP/1.1 made by [h1],
// for less CPU time. It judges, bounds and fails as NewTransport does. A host that
// speaks HTTP/2 is spoken to in HTTP/2.
func NewLight(o Options) *h1.Transport {
	o = o.withDefaults()
	dialHTTP, dialHTTPS := o.dialFor("http"), o.dialFor("https")
	config := o.TLS.Clone()
	config.NextProtos = []string{"http/1.1"}
	light := h1.New(h1.Options{
		Dial: func(ctx context.Context, scheme, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
			defer cancel()
			if scheme == "http" {
				return dialHTTP(ctx, "tcp", addr)
			}
			conn, err := dialHTTPS(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return handshake(ctx, conn, addr, config.Clone())
		},
		Fallback:       NewTransport(o),
		MaxIdlePerHost: o.MaxIdlePerHost,
		IdleTimeout:    o.IdleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
	})
	o.opened.closeIdle = light.CloseIdleConnections // its fallback's too
	return light
}

// dialFor is how to connect for requests of one scheme.
func (o Options) dialFor(scheme string) dialer {
	d := o.Dialer
	d.Control, d.ControlContext = nil, o.Guard.control(scheme)
	dial := dialer(d.DialContext)
	switch {
	case o.Dial != nil:
		dial = o.Dial
	case o.Proxy != nil:
		dial = o.through(scheme)
	}
	return timed(o.opened.counting(dial))
}

// handshake makes conn a TLS connection to addr, or closes it.
func handshake(ctx context.Context, conn net.Conn, addr string, config *tls.Config) (net.Conn, error) {
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("name of the TLS server: %w", err)
		}
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	defer noteTLS(ctx, time.Now())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, &HandshakeError{Addr: addr, Err: err}
	}
	return secure, nil
}

// HandshakeError is a TLS handshake that failed after the connection was made:
// a certificate that does not verify, a peer that speaks no TLS, a timeout.
type HandshakeError struct {
	Addr string // host and port
	Err  error
}

// Error names the host and what failed.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("TLS handshake with %s: %v", e.Addr, e.Err)
}

// Unwrap leads to crypto/tls's error, or context.DeadlineExceeded.
func (e *HandshakeError) Unwrap() error { return e.Err }
