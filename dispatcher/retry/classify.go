package retry

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
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/schemas"
)

// refusal is an error of the egress guard. Its text is the operator's: what a
// host name resolves to inside this network is no business of the endpoint's
// owner, who could map the network by it.
type refusal interface {
	error
	EgressDenied() bool
}

// classify says what kept a response from coming, in a word and in a sentence.
// The order counts: a guard refuses while dialling, and a deadline passes while
// resolving, dialling or shaking hands.
func classify(err error) (schemas.Reason, string) {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	dialling := isOp && op.Op == "dial"
	guard, guarded := errors.AsType[refusal](err)
	switch {
	case guarded && guard.EgressDenied():
		return schemas.ReasonEgressDenied, "deliveries may not go to the address of this host: use a public one over https, or ask the operator of this server"
	case timedOut(err):
		return schemas.ReasonTimeout, "no complete response in time: the attempt ended while " + phase(isDNS, dialling)
	case isDNS:
		return schemas.ReasonDNS, fmt.Sprintf("the host name %s did not resolve: %s", dns.Name, unresolved(dns))
	case isTLS(err):
		return schemas.ReasonTLS, "no secure connection: " + sentence(err)
	case dialling:
		return schemas.ReasonConnect, "no connection" + to(op) + ": " + root(op).Error()
	case isReset(err):
		return schemas.ReasonReset, "the connection broke before the response was complete: " + broken(err)
	case strings.Contains(err.Error(), "readLoopPeekFailLocked: %!w(<nil>)"): // net/http's own words
		return schemas.ReasonResponse, "no valid HTTP response: the receiver wrote to the connection before anything was asked"
	default:
		return schemas.ReasonResponse, "no valid HTTP response: " + sentence(err)
	}
}

// timedOut looks at every error of the chain that knows of timeouts: an outer
// one, like *url.Error, only asks the next.
func timedOut(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	for {
		e, ok := errors.AsType[net.Error](err)
		if !ok {
			return false
		}
		if e.Timeout() {
			return true
		}
		err = errors.Unwrap(e)
	}
}

func phase(resolving, dialling bool) string {
	switch {
	case resolving:
		return "resolving the host name"
	case dialling:
		return "connecting"
	default:
		return "waiting for the receiver"
	}
}

// unresolved leaves out what a DNSError says of the resolver, which is no
// business of the endpoint's owner.
func unresolved(e *net.DNSError) string {
	if e.IsNotFound {
		return "no such host"
	}
	return "the resolver has no answer at present"
}

func isTLS(err error) bool {
	// http.Transport reports a plain-text answer to a handshake in its own words.
	if isCertificate(err) || is[tls.RecordHeaderError](err) || is[tls.AlertError](err) || is[*tls.ECHRejectionError](err) ||
		errors.Is(err, http.ErrSchemeMismatch) {
		return true
	}
	// Over TCP crypto/tls wraps an alert, whose type it keeps to itself, in an
	// OpError with one of these operations (crypto/tls/conn.go).
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	// The rest of its handshake errors have no type, only this beginning.
	return strings.HasPrefix(root(err).Error(), "tls: ")
}

func isCertificate(err error) bool {
	return is[*tls.CertificateVerificationError](err) ||
		is[x509.HostnameError](err) || is[x509.UnknownAuthorityError](err) || is[x509.CertificateInvalidError](err) ||
		is[x509.SystemRootsError](err) || is[x509.ConstraintViolationError](err) ||
		is[x509.UnhandledCriticalExtension](err) || is[x509.InsecureAlgorithmError](err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func isReset(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "read" || op.Op == "write") {
		return true
	}
	return ended(err) || hungUp(err) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// hungUp tells whether the receiver ended the stream or the connection of HTTP/2
// by a frame.
func hungUp(err error) bool {
	if s, ok := errors.AsType[streamError](err); ok && s.Cause != nil {
		return s.Cause.Error() == "received from peer" // else the error was found here
	}
	text := root(err).Error() // of GOAWAY there is no more to tell it by
	return strings.HasPrefix(text, "http2: server sent GOAWAY") || strings.HasPrefix(text, "http2: Transport received GOAWAY")
}

// streamError is what net/http lets one see of its own, which fills any struct of
// these fields (http2StreamError.As).
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "stream error" }

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// broken says how in fixed words or the system's: what stands around them names
// the address of this side.
func broken(err error) string {
	if ended(err) || hungUp(err) {
		return "the receiver closed it"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return "it was lost"
}

// to names the address of the receiver. An OpError's own text would also name
// the address of this side.
func to(op *net.OpError) string {
	if op.Addr == nil {
		return ""
	}
	return " to " + op.Addr.String()
}

// root is the innermost error of a chain.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// sentence is the text of an error without what may carry credentials: the URL
// that a *url.Error repeats, and any other.
func sentence(err error) string {
	for {
		e, ok := errors.AsType[*url.Error](err)
		if !ok || e.Err == nil {
			break
		}
		err = e.Err
	}
	words := strings.Fields(err.Error())
	for i, w := range words {
		if strings.Contains(w, "://") {
			words[i] = "<url>"
		}
	}
	return strings.Join(words, " ")
}

// clip makes a detail fit for a header: valid UTF-8 without control characters,
// at most [schemas.MaxDetail] bytes.
func clip(detail string) string {
	detail = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(detail, "�"))
	if len(detail) <= schemas.MaxDetail {
		return detail
	}
	const more = "…"
	cut := schemas.MaxDetail - len(more)
	for !utf8.RuneStart(detail[cut]) {
		cut--
	}
	return detail[:cut] + more
}
