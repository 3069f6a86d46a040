package attempt

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/tidings-dev/tidings/schemas"
)

// limit keeps an endpoint to its rate. Nil is no limit.
type limit struct {
	*rate.Limiter
	changed chan struct{} // closed when another limit has taken its place: by Targets
}

// now is the limit as it is to be: l itself if nothing changes, or one that has
// as much left as l had.
func (l *limit) now(every time.Duration, burst int) *limit {
	switch {
	case every == 0:
		return nil
	case l != nil && l.Limit() == rate.Every(every) && l.Burst() == burst:
		return l
	}
	made := &limit{rate.NewLimiter(rate.Every(every), burst), make(chan struct{})}
	if l != nil {
		made.AllowN(time.Now(), burst-min(max(int(l.Tokens()), 0), burst))
	}
	return made
}

// interval is the time from one request to the next, by the endpoint's rate or
// what its receiver agreed to, whichever is slower; 0 for no limit.
func interval(e schemas.Endpoint) time.Duration {
	own := e.Policy.Rate.Interval()
	if e.Consent == nil || e.Consent.Rate == 0 {
		return own
	}
	return max(own, time.Minute/time.Duration(e.Consent.Rate))
}

// paced is how many of a window's attempts are worth starting under a rate:
// those whose turn comes within a second, and one at least. More would wait in
// places that the endpoint's partition needs for others.
func paced(window int, interval time.Duration) int {
	if interval == 0 {
		return window
	}
	return min(window, max(1, int(time.Second/interval)))
}

// take counts a request that does not wait its turn.
func (l *limit) take() {
	if l != nil {
		l.Allow()
	}
}

// ErrStopping gives back what waits for its turn when the intake stops.
var ErrStopping = errors.New("the partition is given up")

// pace waits for the endpoint's turn, where its rate is limited. It comes first,
// so that what follows sees the endpoint as it is when its turn has come. What is
// refused by now needs no turn. The wait counts as part of the attempt: an endpoint
// with more to deliver than it takes is slow to its lane, which then holds its
// queue. A limit that changes meanwhile counts at once.
func (m *Maker) pace(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	for {
		l := m.o.Targets.limit(a.delivery.Endpoint)
		if t := m.o.Targets.Get(a.delivery.Endpoint); l == nil || t != nil && t.Refuses(a.delivery) {
			a.started = time.Now()
			return nil, nil
		}
		turn := l.Reserve()
		timer := time.NewTimer(turn.Delay())
		select {
		case <-timer.C:
			a.started = time.Now()
			return nil, nil
		case <-l.changed:
			timer.Stop()
		case <-a.stopping:
			timer.Stop()
			turn.Cancel()
			return nil, ErrStopping
		case <-ctx.Done():
			timer.Stop()
			turn.Cancel()
			return nil, context.Cause(ctx)
		}
	}
}
