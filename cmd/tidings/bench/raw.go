package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// measureCeiling is how many signed POSTs of the same bodies net/http makes in a
// second.
func measureCeiling(ctx context.Context, sink *sinkProcess, posts int) (float64, error) {
	raw, err := newRawPoster(sink.URL + benchPath)
	if err != nil {
		return 0, err
	}
	defer raw.client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(posts))
	began := time.Now()
	group, each := errgroup.WithContext(ctx)
	for range benchConnections {
		group.Go(func() error {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				if err := raw.post(each, int(n), time.Now()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return float64(posts) / time.Since(began).Seconds(), sink.Reset(ctx)
}

// rawPoster posts what the pipe would, without a pipe.
type rawPoster struct {
	client *http.Transport
	url    string
	key    []signing.Key
	data   []byte
}

func newRawPoster(url string) (*rawPoster, error) {
	key, err := signing.ParseKey(signing.NewSecret())
	return &rawPoster{
		client: &http.Transport{MaxIdleConnsPerHost: benchConnections},
		url:    url, key: []signing.Key{key}, data: benchData(),
	}, err
}

// post sends event number n, with a time.
func (p *rawPoster) post(ctx context.Context, n int, at time.Time) error {
	id, now := fmt.Sprintf("raw_%d", n), time.Now()
	body := fmt.Appendf(nil, `{"type":"bench.raw","timestamp":"%s","data":%s}`, at.UTC().Format(time.RFC3339Nano), p.data)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header[signing.HeaderID] = []string{id}
	r.Header[signing.HeaderTimestamp] = []string{signing.Timestamp(now)}
	r.Header[signing.HeaderSignature] = []string{signing.Signatures(p.key, id, now, body)}
	response, err := p.client.RoundTrip(r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close()
}
