package egress

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// CheckProxy refuses a URL that is no HTTP proxy's.
func CheckProxy(u *url.URL) error {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || err != nil || port == 0 {
		return schemas.Errorf(schemas.CodeInvalid, "write it like \"http://egress.example.com:3128\"")
	}
	return nil
}

// ProxyError is a proxy that did not connect. What it says is for the endpoint's
// owner too, so it does not name the proxy.
type ProxyError struct {
	// Status is the proxy's answer, like "403 Forbidden". It is empty if there was
	// none.
	Status string
	err    error // why there was none
}

// Error says what the proxy answered, or that it did not.
func (e *ProxyError) Error() string {
	if e.Status == "" {
		return "the proxy is out of order"
	}
	return "the proxy answered " + e.Status
}

// Timeout tells whether time ended the wait for the proxy.
func (e *ProxyError) Timeout() bool {
	t, ok := errors.AsType[net.Error](e.err)
	return ok && t.Timeout() || errors.Is(e.err, context.DeadlineExceeded)
}

// EgressDenied tells whether the proxy refused to connect, by a status of 4xx:
// see [Denied.EgressDenied].
func (e *ProxyError) EgressDenied() bool { return strings.HasPrefix(e.Status, "4") }

// through is how to connect by way of a proxy, for both schemes: by CONNECT (RFC
// 9110 §9.3.6), so that all that comes after is as without one. The proxy resolves
// the name, and has the policy for what it resolves to; the guard judges what the
// URL shows.
func (o Options) through(scheme string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := o.Guard.Proxied().checkAddr(scheme, addr); err != nil {
			return nil, err
		}
		conn, refusal := o.ask(ctx, network, addr)
		if refusal != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: refusal}
		}
		return conn, nil
	}
}

func (o Options) ask(ctx context.Context, network, addr string) (net.Conn, *ProxyError) {
	conn, err := o.dialProxy(ctx, network)
	if err != nil {
		return nil, &ProxyError{err: err}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	status, err := o.connect(conn, addr)
	if !stop() {
		err = ctx.Err() // and conn can do no more
	}
	if err != nil || status != okStatus {
		_ = conn.Close()
		return nil, &ProxyError{Status: status, err: err}
	}
	return conn, nil
}

// dialProxy is not guarded: the operator named the proxy.
func (o Options) dialProxy(ctx context.Context, network string) (net.Conn, error) {
	conn, err := o.Dialer.DialContext(ctx, network, o.Proxy.Host)
	if err != nil || o.Proxy.Scheme == "http" {
		return conn, err
	}
	config := o.TLS.Clone()
	config.NextProtos = []string{"http/1.1"}
	return handshake(ctx, conn, o.Proxy.Host, config)
}

// okStatus is all that [Options.connect] tells of a connection that is made.
const okStatus = "200"

// connect asks the proxy for a connection, and returns what it answered.
func (o Options) connect(conn net.Conn, addr string) (status string, err error) {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if user := o.Proxy.User; user != nil {
		password, _ := user.Password()
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := request.Write(conn); err != nil {
		return "", err
	}
	// A client speaks first, in TLS and in HTTP: behind the answer's header there is
	// nothing yet that the reader could have taken, and nothing to close.
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHeaderBytes)), request) //nolint:bodyclose // that body is the connection
	if err != nil {
		return "", err
	}
	if answer.StatusCode == http.StatusOK {
		return okStatus, nil
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode)), nil
}
