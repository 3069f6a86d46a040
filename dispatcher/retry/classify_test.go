package retry_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// denied is a refusal of an egress guard.
type denied struct{ yes bool }

func (d denied) Error() string      { return "10.0.0.1 is a private address" }
func (d denied) EgressDenied() bool { return d.yes }

// slow is a timeout that only its interface tells.
type slow struct{}

func (slow) Error() string   { return "net/http: TLS handshake timeout" }
func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

// post wraps an error as http.Client does, around a URL no one else may read.
func post(err error) error {
	return &url.Error{Op: "Post", URL: "https://user:hunter2@example.com/hook?token=hunter2", Err: err}
}

func op(name string, err error) error {
	return &net.OpError{
		Op: name, Net: "tcp", Err: err,
		Source: &net.TCPAddr{IP: net.IPv4(10, 9, 8, 7), Port: 40000},
		Addr:   &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 443},
	}
}

// TestJudgeErrors has a row for each kind of error, wrapped as deep as it comes
// and then some. TestJudgeRealErrors has those that a transport makes.
func TestJudgeErrors(t *testing.T) {
	sys := func(call string, errno syscall.Errno) error { return os.NewSyscallError(call, errno) }
	noHost := &net.DNSError{Err: "no such host", Name: "gone.example", Server: "10.96.0.10:53", IsNotFound: true}
	noResolver := &net.DNSError{Err: "server misbehaving", Name: "gone.example", Server: "10.96.0.10:53", IsTemporary: true}
	slowResolver := &net.DNSError{Err: "i/o timeout", Name: "gone.example", Server: "10.96.0.10:53", IsTimeout: true}

	for name, tt := range map[string]struct {
		err    error
		reason schemas.Reason
		want   string // part of the detail
	}{
		"guard":                    {op("dial", denied{true}), schemas.ReasonEgressDenied, "deliveries may not go to the address of this host"},
		"guard that only resolved": {denied{true}, schemas.ReasonEgressDenied, "ask the operator"},
		"guard that allowed":       {denied{false}, schemas.ReasonResponse, ""},
		"deadline":                 {context.DeadlineExceeded, schemas.ReasonTimeout, "waiting for the receiver"},
		"deadline while dialling":  {op("dial", context.DeadlineExceeded), schemas.ReasonTimeout, "connecting"},
		"deadline of the socket":   {op("read", os.ErrDeadlineExceeded), schemas.ReasonTimeout, "waiting for the receiver"},
		"handshake took too long":  {slow{}, schemas.ReasonTimeout, "waiting for the receiver"},
		"timeout further down":     {post(fmt.Errorf("connect: %w", slow{})), schemas.ReasonTimeout, "waiting for the receiver"},
		"kernel gave up dialling":  {op("dial", sys("connect", syscall.ETIMEDOUT)), schemas.ReasonTimeout, "connecting"},
		"resolver took too long":   {op("dial", slowResolver), schemas.ReasonTimeout, "resolving the host name"},
		"no such host":             {op("dial", noHost), schemas.ReasonDNS, "the host name gone.example did not resolve: no such host"},
		"resolver failed":          {noResolver, schemas.ReasonDNS, "the resolver has no answer at present"},
		"refused":                  {op("dial", sys("connect", syscall.ECONNREFUSED)), schemas.ReasonConnect, "no connection to 203.0.113.7:443: connection refused"},
		"unreachable":              {op("dial", sys("connect", syscall.ENETUNREACH)), schemas.ReasonConnect, "unreachable"},
		"dial without address":     {&net.OpError{Op: "dial", Err: errors.New("missing address")}, schemas.ReasonConnect, "no connection: missing address"},
		"reset while dialling":     {op("dial", sys("connect", syscall.ECONNRESET)), schemas.ReasonConnect, "reset"},
		"certificate":              {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, schemas.ReasonTLS, "unknown authority"},
		"wrong host":               {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "a.example"}, schemas.ReasonTLS, "no secure connection: x509"},
		"unknown authority":        {x509.UnknownAuthorityError{}, schemas.ReasonTLS, "unknown authority"},
		"certificate expired":      {x509.CertificateInvalidError{Reason: x509.Expired}, schemas.ReasonTLS, "expired"},
		"no roots":                 {x509.SystemRootsError{}, schemas.ReasonTLS, "roots"},
		"constraint":               {x509.ConstraintViolationError{}, schemas.ReasonTLS, "x509"},
		"critical extension":       {x509.UnhandledCriticalExtension{}, schemas.ReasonTLS, "critical"},
		"weak algorithm":           {x509.InsecureAlgorithmError(x509.SHA1WithRSA), schemas.ReasonTLS, "insecure"},
		"not TLS":                  {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, schemas.ReasonTLS, "first record"},
		"alert":                    {tls.AlertError(40), schemas.ReasonTLS, "handshake failure"},
		"alert over TCP":           {&net.OpError{Op: "remote error", Err: errors.New("tls: protocol version not supported")}, schemas.ReasonTLS, "protocol version"},
		"alert of this side":       {&net.OpError{Op: "local error", Err: errors.New("tls: bad record MAC")}, schemas.ReasonTLS, "bad record MAC"},
		"hello rejected":           {&tls.ECHRejectionError{}, schemas.ReasonTLS, "ECH"},
		"handshake without type":   {errors.New("tls: server selected unsupported protocol version 301"), schemas.ReasonTLS, "unsupported protocol version"},
		"plain HTTP":               {http.ErrSchemeMismatch, schemas.ReasonTLS, "HTTP response to HTTPS client"},
		"EOF":                      {io.EOF, schemas.ReasonReset, "the receiver closed it"},
		"unexpected EOF":           {io.ErrUnexpectedEOF, schemas.ReasonReset, "the receiver closed it"},
		"reset":                    {op("read", sys("read", syscall.ECONNRESET)), schemas.ReasonReset, ": connection reset by peer"},
		"bare reset":               {syscall.ECONNRESET, schemas.ReasonReset, ": connection reset by peer"},
		"pipe":                     {op("write", sys("write", syscall.EPIPE)), schemas.ReasonReset, ": broken pipe"},
		"bare pipe":                {syscall.EPIPE, schemas.ReasonReset, ": broken pipe"},
		"closed here":              {net.ErrClosed, schemas.ReasonReset, "it was lost"},
		"aborted":                  {op("read", sys("read", syscall.ECONNABORTED)), schemas.ReasonReset, "abort"},
		"malformed":                {errors.New(`malformed HTTP response "SSH-2.0"`), schemas.ReasonResponse, `no valid HTTP response: malformed HTTP response "SSH-2.0"`},
		"answered too early":       {errors.New("readLoopPeekFailLocked: %!w(<nil>)"), schemas.ReasonResponse, "before anything was asked"},
		"names a URL":              {errors.New("stopped at https://u:hunter2@h/?k=hunter2 early"), schemas.ReasonResponse, "stopped at <url> early"},
		"URL in a URL":             {post(errors.New("unsupported protocol")), schemas.ReasonResponse, ": unsupported protocol"},
	} {
		for depth, err := range []error{tt.err, post(tt.err), fmt.Errorf("attempt: %w", post(tt.err)), errors.Join(tt.err)} {
			o := retry.Judge(retry.Result{Status: 200, Err: err}, still())
			if o.Kind != schemas.Retry || o.Reason != tt.reason || !strings.Contains(o.Detail, tt.want) {
				t.Errorf("%s, wrapped %d: got %+v, want %s, %q", name, depth, o, tt.reason, tt.want)
			}
			for _, private := range []string{"hunter2", "10.9.8.7", "10.96.0.10"} {
				if strings.Contains(o.Detail, private) {
					t.Errorf("%s, wrapped %d: the detail tells %s: %s", name, depth, private, o.Detail)
				}
			}
		}
	}
}
