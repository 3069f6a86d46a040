package bench

import (
	"context"
	"errors"
	"math"
	"time"
)

// An endpoint of the same tenant that gets 100 events a second whatever happens to
// the others shows what it notices of that.
const (
	quietPath   = "/quiet"
	quietRate   = 100       // events per second
	quietNumber = 1_000_000 // and its type of event
)

func (b *bencher) quietEndpoint() benchEndpoint {
	return benchEndpoint{n: quietNumber, eventType: quietNumber, url: b.sink.URL + quietPath}
}

func (p *benchPipe) publishQuiet(ctx context.Context) func(int, time.Time) error {
	return func(_ int, at time.Time) error { return p.publish(ctx, quietNumber, at) }
}

// quietResult is what the quiet endpoint saw.
type quietResult struct {
	p99  float64 // ms
	lost count
}

// meanwhile resets the sink, and publishes to the quiet endpoint while something is
// done.
func (b *bencher) meanwhile(ctx context.Context, p *benchPipe, do func() error) (r quietResult, err error) {
	if err := b.sink.Reset(ctx); err != nil {
		return r, err
	}
	sending, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	sent, ended := 0, make(chan error, 1)
	go func() { // ends with sending
		var err error
		sent, err = paced(sending, quietRate, math.MaxInt, p.publishQuiet(ctx))
		ended <- err
	}()
	err = do()
	enough(errDone)
	if other := <-ended; !errors.Is(other, errDone) {
		err = errors.Join(err, other)
	}
	if err != nil {
		return r, err
	}
	have, err := b.sink.Await(ctx, quietPath, sent)
	if err != nil {
		return r, err
	}
	r.lost = count(sent - have)
	stats, err := b.sink.Stats(ctx, quietPath)
	r.p99 = milliseconds(stats.P99)
	return r, err
}

var errDone = errors.New("it is done")
