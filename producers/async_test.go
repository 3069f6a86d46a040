package producers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

func TestAsyncFuturesResolveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		var futures []*producers.Future
		for i := range 100 {
			f, err := p.PublishAsync(t.Context(), created(fmt.Sprint("e", i)))
			if err != nil {
				t.Fatal(err)
			}
			futures = append(futures, f)
		}
		for i, f := range futures {
			<-f.Done()
			want := producers.Receipt{EventID: fmt.Sprint("e", i), Sequence: uint64(i + 1)}
			if got, err := f.Wait(t.Context()); err != nil || got != want {
				t.Errorf("event %d: %+v, %v; want %+v", i, got, err, want)
			}
		}
	})
}

func TestAsyncWaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, nc := newHand(t)
		p := publisher(t, nc, producers.Options{MaxInFlight: 2, AckTimeout: time.Hour, GiveUp: time.Hour})
		other, err := p.For("globex")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"e1", "e2"} {
			if _, err := p.PublishAsync(t.Context(), created(id)); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = other.PublishAsync(ctx, created("impatient"))
		refused(t, err)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Fatalf("after %s: %v; want the deadline after 1s", time.Since(begin), err)
		}
		time.AfterFunc(time.Minute, func() { h.ok() })
		f, err := other.PublishAsync(t.Context(), created("patient"))
		if err != nil || time.Since(begin) != time.Second+time.Minute {
			t.Fatalf("after %s: %v; want a slot once an answer came", time.Since(begin), err)
		}
		h.ok()
		if m := h.ok(); m.Header.Get("ce-id") != "patient" {
			t.Errorf("sent %q, want the patient event and not the impatient one", m.Header.Get("ce-id"))
		}
		if _, err := f.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestEndedContextSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("the request went away")
		cancel(why)
		_, err := p.PublishAsync(ctx, created("e1"))
		refused(t, err)
		if !errors.Is(err, why) {
			t.Errorf("error is %v, want its cause", err)
		}
		if n := count(t, p.stream); n != 0 {
			t.Errorf("%d events are stored, want none", n)
		}
	})
}

func TestWaitMayEndBeforeTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, nc := newHand(t)
		p := publisher(t, nc, producers.Options{AckTimeout: time.Hour, GiveUp: time.Hour})
		f, err := p.PublishAsync(t.Context(), created("e1"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = f.Wait(ctx)
		doubtful(t, err)
		h.ok()
		<-f.Done()
		if got, err := f.Wait(ctx); err != nil || got.Sequence != 1 {
			t.Errorf("%+v, %v: what is known counts more than a ctx that ended", got, err)
		}
	})
}

func TestBatchIsAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		bad := created("e2")
		bad.SetDataContentType("text/plain")
		results, err := p.PublishBatch(t.Context(), []schemas.Event{created("e1"), bad, created("e3")})
		refused(t, err)
		if results != nil || !strings.HasPrefix(err.Error(), `batch refused, nothing was sent: event 2 of 3: publish order.created "e2"`) {
			t.Errorf("results %v, error %v", results, err)
		}
		if n := count(t, p.stream); n != 0 {
			t.Fatalf("%d events are stored, want none", n)
		}
		results, err = p.PublishBatch(t.Context(), []schemas.Event{created("e1"), created("e2"), created("e1")})
		if err != nil {
			t.Fatal(err)
		}
		want := []producers.Result{
			{Receipt: producers.Receipt{EventID: "e1", Sequence: 1}},
			{Receipt: producers.Receipt{EventID: "e2", Sequence: 2}},
			{Receipt: producers.Receipt{EventID: "e1", Sequence: 1, Duplicate: true}},
		}
		for i := range want {
			if results[i] != want[i] {
				t.Errorf("result %d is %+v, want %+v", i, results[i], want[i])
			}
		}
		if results, err := p.PublishBatch(t.Context(), nil); err != nil || len(results) != 0 {
			t.Errorf("empty batch: %v, %v", results, err)
		}
	})
}

func TestBatchTellsOfEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, nc := newHand(t)
		p := publisher(t, nc, producers.Options{MaxInFlight: 3, AckTimeout: time.Hour})
		go func() { // ends with its second answer
			h.ok()
			h.refuse(400, 10054, "message size exceeds maximum allowed")
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		// The first two slots come free, and two of the four events wait for an
		// answer that never comes; the last one waits for a slot.
		results, err := p.PublishBatch(ctx, []schemas.Event{
			created("stored"), created("refused"), created("x"), created("y"), created("z"), created("unsent"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Err != nil || r.Receipt.Sequence != 1 {
			t.Errorf("the first: %+v", r)
		}
		refused(t, results[1].Err)
		if err := results[1].Err; !strings.Contains(err.Error(), "message size exceeds maximum allowed") {
			t.Errorf("the second: %v", err)
		}
		for i, r := range results[2:5] {
			if e := doubtful(t, r.Err); e.ID() != string("xyz"[i]) {
				t.Errorf("result %d is of event %s", i+2, e.ID())
			}
		}
		refused(t, results[5].Err)
	})
}
