package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/model"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	checkPath    = "/check"
	checkRefused = 400 // deliveries
	// checkMost is longer than a breaker that has probed so often stays open.
	checkMost = 2 * time.Minute
)

// refusedPolicy has no breaker, so that every attempt is made. The last retry is not
// waited for: none dies, which would be logged.
func refusedPolicy() schemas.Policy {
	retry := slices.Repeat([]schemas.Duration{schemas.Duration(time.Second)}, checkRetries)
	return schemas.Policy{Breaker: schemas.SwitchOff, Retry: append(retry, schemas.Duration(schedulesDue))}
}

func predictRefused(f calibration.Figures, seed uint64) ([]float64, error) {
	r, err := model.Play(model.Options{
		Seed: seed, Cores: 2, Express: true, Costs: modelCosts(f), Arrive: time.Second, Most: checkFor, Step: 10 * time.Millisecond,
		Endpoints: []model.Endpoint{{At: slices.Repeat([]time.Duration{0}, checkRefused), Policy: refusedPolicy(), Answers: func(model.Request) model.Answer {
			return model.Answer{Status: http.StatusServiceUnavailable, Took: time.Millisecond}
		}}},
	})
	if err != nil {
		return nil, err
	}
	last := 0.0
	for _, m := range r.Moments {
		if m.Attempts > 0 {
			last = m.At.Seconds()
		}
	}
	return []float64{float64(model.Over(r.Moments).Attempts), last}, nil
}

func measureRefused(ctx context.Context, b *bencher) ([]float64, error) {
	p, err := b.checkPipe(ctx, []benchEndpoint{{url: b.sink.URL + checkPath, policy: refusedPolicy()}})
	if err != nil {
		return nil, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := b.sink.Down(ctx, checkPath); err != nil {
		return nil, err
	}
	began := time.Now()
	for range checkRefused {
		if err := p.publish(ctx, 0, began); err != nil {
			return nil, err
		}
	}
	if err := b.sink.awaitReceived(ctx, checkPath, checkRefused*(checkRetries+1)); err != nil {
		return nil, err
	}
	took := time.Since(began)
	if err := waitUntil(ctx, time.Now().Add(2*time.Second)); err != nil { // none more comes
		return nil, err
	}
	stats, err := b.sink.Stats(ctx, checkPath)
	return []float64{float64(stats.Received), took.Seconds()}, err
}

// downPolicy retries later than a breaker first probes, and before the outage is over.
func downPolicy() schemas.Policy {
	return schemas.Policy{Retry: slices.Repeat([]schemas.Duration{schemas.Duration(outageRetry)}, outageRetries)}
}

// predictDown has as many come as measureDown publishes, at the same times.
func predictDown(f calibration.Figures, seed uint64) ([]float64, error) {
	endpoints := make([]model.Endpoint, checkEndpoints)
	for i := range endpoints {
		endpoints[i] = model.Endpoint{Policy: downPolicy(), Answers: func(q model.Request) model.Answer {
			if q.At < checkDown {
				return model.Answer{Status: http.StatusServiceUnavailable, Took: time.Millisecond}
			}
			return model.Answer{Status: http.StatusNoContent, Took: time.Millisecond}
		}}
	}
	for n := range int(checkRate * checkDown.Seconds()) {
		e := &endpoints[n%checkEndpoints]
		e.At = append(e.At, time.Duration(float64(n)/checkRate*float64(time.Second)))
	}
	r, err := model.Play(model.Options{Seed: seed, Cores: 2, Express: true, Costs: modelCosts(f), Arrive: checkDown, Most: time.Hour, Step: time.Second, Endpoints: endpoints})
	if err != nil {
		return nil, err
	}
	all := model.Over(r.Moments)
	if r.Open > 0 || all.Died > 0 {
		return nil, errors.New("not all is delivered in the model")
	}
	return []float64{float64(all.Failed), float64(all.Held), (r.Ended - checkDown).Seconds()}, nil
}

// measureDown publishes at a rate to endpoints that refuse all, until they take it.
func measureDown(ctx context.Context, b *bencher) ([]float64, error) {
	endpoints := make([]benchEndpoint, checkEndpoints)
	for n := range endpoints {
		endpoints[n] = benchEndpoint{n: n, eventType: n, url: b.sink.URL + checkPath, policy: downPolicy()}
	}
	p, err := b.checkPipe(ctx, endpoints)
	if err != nil {
		return nil, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := b.sink.Down(ctx, checkPath); err != nil {
		return nil, err
	}
	began, size := time.Now(), int(checkRate*checkDown.Seconds())
	if _, err := paced(ctx, checkRate, size, func(n int, at time.Time) error { return p.publish(ctx, n%checkEndpoints, at) }); err != nil {
		return nil, err
	}
	if err := waitUntil(ctx, began.Add(checkDown)); err != nil {
		return nil, err
	}
	held, err := p.heldNow(ctx)
	if err != nil {
		return nil, err
	}
	stats, err := b.sink.Stats(ctx, checkPath)
	if err != nil {
		return nil, err
	}
	if err := b.sink.Up(ctx, checkPath); err != nil {
		return nil, err
	}
	took, err := b.awaitAll(ctx, size)
	return []float64{float64(stats.Received), float64(held), took.Seconds()}, err
}

// heldNow counts what is held.
func (p *benchPipe) heldNow(ctx context.Context) (int, error) {
	nc, err := p.process.Connection("check")
	if err != nil {
		return 0, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	return p.held(ctx, js)
}

// awaitAll waits until the sink has so many deliveries, and returns how long it did.
func (b *bencher) awaitAll(ctx context.Context, n int) (time.Duration, error) {
	began := time.Now()
	for {
		have, err := b.sink.Await(ctx, checkPath, n)
		switch {
		case err != nil || have >= n:
			return time.Since(began), err
		case time.Since(began) > checkMost:
			return 0, fmt.Errorf("of %d deliveries only %d came within %s", n, have, checkMost)
		}
	}
}
