package h1

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// Options says how requests leave. All fields are required.
type Options struct {
	// Dial connects to a host and port for requests of a scheme, "http" or
	// "https". A connection for https comes back as a *tls.Conn, its handshake
	// done, with no protocol offered but HTTP/1.1.
	Dial func(ctx context.Context, scheme, addr string) (net.Conn, error)

	// Fallback makes the requests that are not for this package. It must reach
	// hosts as Dial does: with no proxy between.
	Fallback interface {
		http.RoundTripper
		CloseIdleConnections()
	}

	// MaxIdlePerHost is how many idle connections are kept for each scheme, host
	// and port; negative keeps none.
	MaxIdlePerHost int

	// IdleTimeout is how long an unused connection may be used again. It is
	// closed within half as much more.
	IdleTimeout time.Duration

	// MaxHeaderBytes bounds a response's header together with the 1xx responses
	// before it.
	MaxHeaderBytes int64
}

// Transport is an http.RoundTripper.
type Transport struct {
	o    Options
	pool pool
}

// New makes a transport. Its idle connections close by themselves.
func New(o Options) *Transport {
	return &Transport{o: o, pool: pool{perHost: o.MaxIdlePerHost, timeout: o.IdleTimeout, hosts: map[place][]*conn{}}}
}

// CloseIdleConnections closes what no request is using, the fallback's too.
func (t *Transport) CloseIdleConnections() {
	t.pool.expire(time.Now())
	t.o.Fallback.CloseIdleConnections()
}

// RoundTrip makes one request, as http.RoundTripper says. The response's body
// must be read to its end for the connection to be used again. A body comes as
// it was sent: no compression is asked for, and none undone.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !simple(r) {
		return t.o.Fallback.RoundTrip(r)
	}
	at := place{r.URL.Scheme, r.URL.Host}
	if at.scheme == "https" && !t.pool.knows(at) {
		// Let the fallback negotiate.
		resp, err := t.o.Fallback.RoundTrip(r)
		if err == nil && resp.ProtoMajor == 1 {
			t.pool.learn(at)
		}
		return resp, err
	}
	for {
		c, err := t.connect(r, at)
		if err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, err
		}
		resp, err := c.exchange(r)
		if err == nil || !c.reused || !c.untaken() || r.Context().Err() != nil {
			return resp, err
		}
		if r, err = rewind(r, err); err != nil {
			return nil, err
		}
	}
}

func (t *Transport) connect(r *http.Request, at place) (*conn, error) {
	if c := t.pool.take(at); c != nil {
		return c, nil
	}
	nc, err := t.o.Dial(r.Context(), at.scheme, address(r.URL))
	if err != nil {
		return nil, err
	}
	return newConn(nc, at, t), nil
}

// maxBody is how many bytes a request's body may have. An empty socket takes
// that much without its peer reading, so a receiver that answers early does not
// meet a client that is still writing.
const maxBody = 16 << 10

// simple tells whether r is for this package. What net/http would refuse is
// not, so it is refused in net/http's words.
func simple(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL != nil &&
		(r.URL.Scheme == "http" || r.URL.Scheme == "https") && plainHost(r.URL.Host) &&
		sized(r) && r.Header != nil && plainHeader(r.Header) &&
		httptrace.ContextClientTrace(r.Context()) == nil
}

func sized(r *http.Request) bool {
	if sizeless(r) {
		return r.ContentLength == 0
	}
	return r.ContentLength > 0 && r.ContentLength <= maxBody && len(r.TransferEncoding) == 0 && len(r.Trailer) == 0
}

func sizeless(r *http.Request) bool { return r.Body == nil || r.Body == http.NoBody }

// plainHost leaves names outside ASCII, and what is no name, to net/http.
func plainHost(host string) bool {
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return host != ""
}

// plainHeader leaves fields that Request.Write would change, or that change how
// a connection is used, to net/http.
func plainHeader(h http.Header) bool {
	for name, values := range h {
		if name == "Connection" || name == "Expect" || name == "Upgrade" || !plainName(name) {
			return false
		}
		for _, v := range values {
			for i := range len(v) {
				if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
					return false
				}
			}
		}
	}
	return true
}

func plainName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20 // a letter in lower case
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != ""
}

// rewind is r with its body from the start, or the error it failed with.
func rewind(r *http.Request, failed error) (*http.Request, error) {
	if sizeless(r) {
		return r, nil
	}
	if r.GetBody == nil {
		return nil, failed
	}
	body, err := r.GetBody()
	again := r.WithContext(r.Context()) // a copy: the caller's is not ours to change
	again.Body = body
	return again, err
}

func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
