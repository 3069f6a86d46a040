package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// sinkProcess is a running sink.
type sinkProcess struct {
	URL   string
	cmd   *exec.Cmd
	stdin io.Closer // closing it ends the sink
}

// startSink runs this program's own sink.
func startSink(ctx context.Context) (*sinkProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &sinkProcess{cmd: exec.CommandContext(ctx, self, "sink")}
	s.cmd.Stderr = os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start sink: %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("start sink: %w", err)
	}
	s.URL = strings.TrimSpace(line)
	return s, nil
}

// Stop ends the sink and waits for it.
func (s *sinkProcess) Stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

// Stats asks the sink what it has counted on a path.
func (s *sinkProcess) Stats(ctx context.Context, path string) (sinkStats, error) {
	var stats sinkStats
	err := s.call(ctx, http.MethodGet, "/stats?path="+path, func(body io.Reader) error { return json.NewDecoder(body).Decode(&stats) })
	return stats, err
}

// Count asks the sink how many different deliveries a path has.
func (s *sinkProcess) Count(ctx context.Context, path string) (n int, err error) {
	err = s.call(ctx, http.MethodGet, "/count?path="+path, func(body io.Reader) error {
		_, err := fmt.Fscan(body, &n)
		return err
	})
	return n, err
}

// awaitReceived waits until a path of the sink has had n requests, refused ones too, or
// gets no more, which is an error.
func (s *sinkProcess) awaitReceived(ctx context.Context, path string, n int) error {
	last, since := 0, time.Now()
	for {
		stats, err := s.Stats(ctx, path)
		switch {
		case err != nil || stats.Received >= n:
			return err
		case stats.Received > last:
			last, since = stats.Received, time.Now()
		case time.Since(since) > sinkStalls:
			return fmt.Errorf("of %d requests only %d came within %s", n, last, sinkStalls)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * sinkPoll):
		}
	}
}

// Reset makes the sink forget.
func (s *sinkProcess) Reset(ctx context.Context) error {
	return s.call(ctx, http.MethodPost, "/reset", func(io.Reader) error { return nil })
}

// Down makes the sink refuse what comes to a path, until it is reset.
func (s *sinkProcess) Down(ctx context.Context, path string) error {
	return s.call(ctx, http.MethodPost, "/down?path="+path, func(io.Reader) error { return nil })
}

// Up makes the sink take again what comes to a path.
func (s *sinkProcess) Up(ctx context.Context, path string) error {
	return s.call(ctx, http.MethodPost, "/up?path="+path, func(io.Reader) error { return nil })
}

const (
	// sinkPoll is how often Await asks: at 100 requests a second that takes less
	// than 1 % of two cores.
	sinkPoll   = 10 * time.Millisecond
	sinkStalls = 30 * time.Second // without one more delivery: the rest is lost
)

// Await waits until a path of the sink has n deliveries, or gets no more, and
// returns how many it has.
func (s *sinkProcess) Await(ctx context.Context, path string, n int) (int, error) {
	last, since := 0, time.Now()
	for {
		have, err := s.Count(ctx, path)
		if err != nil || have >= n || time.Since(since) > sinkStalls {
			return have, err
		}
		if have > last {
			last, since = have, time.Now()
		}
		select {
		case <-ctx.Done():
			return have, context.Cause(ctx)
		case <-time.After(sinkPoll):
		}
	}
}

func (s *sinkProcess) call(ctx context.Context, method, path string, read func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask sink: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	return read(response.Body)
}
