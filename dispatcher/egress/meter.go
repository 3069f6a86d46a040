package egress

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Transport is net/http's, over connections that end when their peer floods them.
type Transport struct{ *http.Transport }

// RoundTrip is [http.Transport.RoundTrip].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.Transport.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), metering)))
}

// metering credits a connection with what a request may bring.
var metering = &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
	if secure, ok := info.Conn.(*tls.Conn); ok {
		if m, ok := secure.NetConn().(*meter); ok {
			m.left.Add(perRequest)
		}
	}
}}

const (
	// perConnection is what a handshake, settings and signs of life take, in bytes,
	// and far more.
	perConnection = 1 << 20
	// perRequest is what a response takes: the bounds of its header and of what is
	// taken of its body before it is read, and as much again.
	perRequest = 2 * (maxHeaderBytes + streamWindow)
	// streamWindow is how much of a body a peer may send over HTTP/2 before any of it
	// is read (RFC 9113 §5.2).
	streamWindow = 128 << 10
)

var errFlooded = errors.New("the receiver sent far more than the requests asked for")

// meter is a connection that ends when its peer has sent more than the requests
// on it can ask for. In HTTP/2 a peer may send what no request waits for, such as
// pings, settings, and data of a stream that is over: net/http reads all of it,
// long after the attempt has ended.
type meter struct {
	net.Conn
	left atomic.Int64 // bytes
}

func newMeter(c net.Conn) *meter {
	m := &meter{Conn: c}
	m.left.Store(perConnection)
	return m
}

// Read is [net.Conn.Read].
func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	if m.left.Add(-int64(n)) < 0 {
		return 0, errFlooded
	}
	return n, err
}
