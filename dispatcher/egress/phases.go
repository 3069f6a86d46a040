package egress

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Phases are how long it took to get a connection for the request whose context
// they are in ([Phases.In]); all is 0 where one was open.
type Phases struct {
	// In nanoseconds. net/http may go on connecting when the request has ended.
	dns, connect, tls atomic.Int64
}

type phasesKey struct{}

// In is ctx with the phases: requests under it are noted there.
func (p *Phases) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, phasesKey{}, p)
}

// Timings are the phases so far.
func (p *Phases) Timings() schemas.Timings {
	dns := p.dns.Load()
	return schemas.Timings{
		DNS:     schemas.Duration(dns),
		Connect: schemas.Duration(max(0, p.connect.Load()-dns)),
		TLS:     schemas.Duration(p.tls.Load()),
	}
}

// dialer connects to a host and port.
type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// timed is dial, noted in the phases of its context.
func timed(dial dialer) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		p, ok := ctx.Value(phasesKey{}).(*Phases)
		if !ok {
			return dial(ctx, network, addr)
		}
		began := time.Now()
		defer func() { p.connect.Store(int64(time.Since(began))) }()
		return dial(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			DNSDone: func(httptrace.DNSDoneInfo) { p.dns.Store(int64(time.Since(began))) },
		}), network, addr)
	}
}

// noteTLS notes a handshake that began at a time.
func noteTLS(ctx context.Context, began time.Time) {
	if p, ok := ctx.Value(phasesKey{}).(*Phases); ok {
		p.tls.Store(int64(time.Since(began)))
	}
}
