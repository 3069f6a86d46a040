package egress

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// CheckProxy refuses a URL that is no HTTP proxy's.
func CheckProxy(u *url.URL) error {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || err != nil || port == 0 {
		return schemas.Errorf(schemas.CodeInvalid, "write it like \"http://proxy.example.com:3128\"")
	}
	return nil
}

// ProxyError is a proxy's refusal to connect.
type ProxyError struct {
	Proxy  string // its host and port
	Status string // its answer: "403 Forbidden"
}

// Error names the proxy and its answer.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("proxy %s did not connect: %s", e.Proxy, e.Status)
}

// EgressDenied is true: see [Denied.EgressDenied].
func (e *ProxyError) EgressDenied() bool { return true }

// through is how to connect by way of a proxy, for both schemes: by CONNECT (RFC
// 9110 §9.3.6), so that all that comes after is as without one. The proxy resolves
// the name, and has the policy for what it resolves to; the guard judges what the
// URL shows.
func (o Options) through(scheme string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := o.Guard.checkAddr(scheme, addr); err != nil {
			return nil, err
		}
		conn, err := o.dialProxy(ctx, network)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		err = o.connect(conn, addr)
		if !stop() {
			err = ctx.Err() // and conn can do no more
		}
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, nil
	}
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

func (o Options) connect(conn net.Conn, addr string) error {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if user := o.Proxy.User; user != nil {
		password, _ := user.Password()
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := request.Write(conn); err != nil {
		return err
	}
	// A client speaks first, in TLS and in HTTP: behind the answer's header there is
	// nothing yet that the reader could have taken, and nothing to close.
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHeaderBytes)), request) //nolint:bodyclose // that body is the connection
	if err != nil {
		return fmt.Errorf("proxy %s: %w", o.Proxy.Host, err)
	}
	if answer.StatusCode != http.StatusOK {
		return &ProxyError{Proxy: o.Proxy.Host, Status: answer.Status}
	}
	return nil
}
