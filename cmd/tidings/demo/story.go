package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/schemas"
)

// story tells, line by line, what happens to each event.
type story struct {
	out   io.Writer
	lines chan func() // one goroutine prints, in order
	began time.Time   // set by begin
	ends  chan dispatcher.Report
	want  int // deliveries of this run's events
	dead  int // those of them that were given up
}

func newStory(out io.Writer) *story {
	s := &story{out: out, lines: make(chan func(), 1024), began: time.Now(), ends: make(chan dispatcher.Report, 1024)}
	go func() { // ends with the process: the story has no last line
		for line := range s.lines {
			line()
		}
	}()
	return s
}

func (s *story) say(who, format string, args ...any) {
	at := time.Since(s.began)
	s.lines <- func() {
		fmt.Fprintf(s.out, "%7.3fs  %-9s %s\n", at.Seconds(), who, fmt.Sprintf(format, args...))
	}
}

func (s *story) text(format string, args ...any) {
	done := make(chan struct{})
	s.lines <- func() {
		fmt.Fprintf(s.out, format, args...)
		close(done)
	}
	<-done
}

// begin says where everything is. The token is the demo's tenant's.
func (s *story) begin(p *pipe.Process, dir, token string) {
	s.text(`Tidings demo: the whole pipe in this process.

  data        %[1]s (kept; the next run starts on it)
  broker      %[2]s (embedded JetStream)
  health      http://%[3]s/readyz
  console     http://%[3]s/#link=%[4]s
  egress      open for 127.0.0.0/8, where the demo's receivers are; closed by default

`, dir, p.NATSURL, p.HTTPAddr, token)
	s.began = time.Now()
}

// attempt tells of an attempt, and notes the end of a delivery.
func (s *story) attempt(r dispatcher.Report) {
	status := "no response"
	switch {
	case r.Attempt.Status != 0:
		status = fmt.Sprint(r.Attempt.Status)
	case r.Outcome.Kind == schemas.Delivered:
		status = "pulled"
	}
	next := ""
	switch r.Outcome.Kind {
	case schemas.Delivered:
		next = "delivered"
	case schemas.Retry:
		next = fmt.Sprintf("%s, tried again in %.1fs", r.Outcome.Reason, r.Outcome.After.Seconds())
	case schemas.Dead:
		next = "dead: " + r.Outcome.Detail
	}
	s.say("attempt", "%d of %s %s to %s → %s in %.1f ms: %s", r.Attempt.Number, r.Delivery.EventType(), short(r.Delivery.ID), r.Delivery.Endpoint,
		status, float64(r.Attempt.Duration.Std().Microseconds())/1000, next)
	earlier := r.Delivery.Accepted().Before(s.began.Truncate(time.Millisecond)) // left by a run that was killed
	if r.Outcome.Kind == schemas.Retry || earlier {
		return
	}
	select {
	case s.ends <- r:
	default: // nobody counts any more
	}
}

// short is the part of a delivery id in which the events of a demo differ: the
// end of the sequence.
func short(id schemas.DeliveryID) string { return "dlv_…" + string(id[20:24]) + "…" }

// waitForEnds waits until all deliveries of the demo events have ended.
func (s *story) waitForEnds(ctx context.Context) error {
	for range s.want {
		select {
		case r := <-s.ends:
			if r.Outcome.Kind == schemas.Dead {
				s.dead++
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *story) end(events int) {
	s.text("\n%d events became %d deliveries: %d reached their receivers, signed in their dialects and verified, and %d were given up.\n",
		events, s.want, s.want-s.dead, s.dead)
}

func (s *story) next(p *pipe.Process, token string) {
	s.text(`
Try next, in another terminal:
  ./bin/tidings publish --nats-url %[1]s --tenant demo --type room.joined --data '{"roomId":"lobby"}'
  TIDINGS_TOKEN=%[3]s ./bin/tidings listen --server http://%[2]s --tenant demo
  ./bin/tidings types
  nats --server %[1]s pub events.demo.room.joined '{"roomId":"lobby"}' \
       -H ce-specversion:1.0 -H ce-id:1 -H ce-source:/me -H ce-type:room.joined
  curl http://%[2]s/readyz
  kill -9 this process and start it again: nothing that was stored is lost

Ctrl-C ends the demo.

`, p.NATSURL, p.HTTPAddr, token)
}
