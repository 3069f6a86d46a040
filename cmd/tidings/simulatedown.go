package main

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

// refusedPolicy has no breaker, so that every attempt is made.
func refusedPolicy() schemas.Policy {
	return schemas.Policy{Breaker: schemas.SwitchOff, Retry: slices.Repeat([]schemas.Duration{schemas.Duration(time.Second)}, checkRetries)}
}

func predictRefused(f calibration.Figures, seed uint64) ([]float64, error) {
	r, err := model.Play(model.Options{
		Seed: seed, Cores: 2, Costs: modelCosts(f), Arrive: time.Second, Most: time.Minute, Step: 10 * time.Millisecond,
		Endpoints: []model.Endpoint{{At: slices.Repeat([]time.Duration{0}, checkRefused), Policy: refusedPolicy(), Answers: func(model.Request) model.Answer {
			return model.Answer{Status: http.StatusServiceUnavailable, Took: time.Millisecond}
		}}},
	})
	if err != nil {
		return nil, err
	}
	if n := r.Ends[schemas.ReasonExhausted]; n != checkRefused {
		return nil, fmt.Errorf("of %d deliveries that are refused %d die in the model", checkRefused, n)
	}
	return []float64{float64(model.Over(r.Moments).Attempts), r.Ended.Seconds()}, nil
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
	r, err := model.Play(model.Options{Seed: seed, Cores: 2, Costs: modelCosts(f), Arrive: checkDown, Most: time.Hour, Step: time.Second, Endpoints: endpoints})
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
	nc, err := p.app.connection("check")
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	held, err := p.held(ctx, js)
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
	up, have := time.Now(), 0
	for have < size && err == nil && time.Since(up) < checkMost {
		have, err = b.sink.Await(ctx, checkPath, size)
	}
	if err == nil && have < size {
		err = fmt.Errorf("of %d deliveries only %d came", size, have)
	}
	return []float64{float64(stats.Received), float64(held), time.Since(up).Seconds()}, err
}
