package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// overviewEvery is how often a watcher gets the whole picture.
	overviewEvery = time.Second
	// backlogEvery is how often it is looked up what waits, and backlogTime how long
	// that may take: then the picture goes without.
	backlogEvery = 3 * time.Second
	backlogTime  = 2 * time.Second
	// shownAttempts is how many attempts a watcher gets between two pictures.
	shownAttempts = 20
	// watchedEndpoints is how many endpoints' backlogs the picture has.
	watchedEndpoints = 10
	// watchTime is when a watcher has to come again: so that its token is looked at.
	watchTime = 10 * time.Minute
	// maxWatchers bounds those of a process.
	maxWatchers = 200
	// watcherPatience is how long a watcher may take to read what is sent.
	watcherPatience = 10 * time.Second
)

// liveOverview is the picture: counts since the watching began, and what waits.
type liveOverview struct {
	At        time.Time `json:"at"`
	Accepted  int       `json:"accepted"`
	Matched   int       `json:"matched"`
	Delivered int       `json:"delivered"`
	Retried   int       `json:"retried"`
	Dead      int       `json:"dead"`
	// Waiting is left out while it is not known.
	Waiting   *int           `json:"waiting,omitempty"`
	Oldest    *float64       `json:"oldest_seconds,omitempty"`
	Endpoints []liveEndpoint `json:"endpoints,omitempty"`
}

type liveEndpoint struct {
	ID      schemas.EndpointID `json:"id"`
	Waiting int                `json:"waiting"`
	Oldest  float64            `json:"oldest_seconds"`
}

// liveAttempt is an attempt that has just ended.
type liveAttempt struct {
	At       time.Time          `json:"at"`
	Delivery schemas.DeliveryID `json:"delivery"`
	Endpoint schemas.EndpointID `json:"endpoint"`
	Event    liveEvent          `json:"event"`
	Attempt  int                `json:"attempt"`
	Outcome  schemas.Kind       `json:"outcome"`
	Reason   schemas.Reason     `json:"reason"`
	Status   int                `json:"status,omitempty"`
	Duration float64            `json:"duration_ms"`
}

type liveEvent struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Source string `json:"source"`
}

// watcher is one stream of server-sent events.
type watcher struct {
	w       http.ResponseWriter
	control *http.ResponseController
	picture liveOverview
	shown   int // attempts since the last picture
}

// watchLive sends what happens until the caller leaves, or watchTime is over.
func (a *API) watchLive(ctx context.Context, c *call, w http.ResponseWriter) error {
	if n := a.watchers.Add(1); n > maxWatchers {
		a.watchers.Add(-1)
		return schemas.Errorf(schemas.CodeUnavailable, "%d others are watching: try again later", maxWatchers)
	}
	defer a.watchers.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies are to pass it on at once
	s := &watcher{w: w, control: http.NewResponseController(w)}
	w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	a.show(ctx, c.tenant, s)
	return nil
}

// show sends pictures until ctx ends, the caller leaves, or the tenant is not the one
// that it was.
func (a *API) show(ctx context.Context, tenant schemas.TenantID, s *watcher) {
	made := a.made(tenant)
	records, ended := make(chan []schemas.Record), make(chan struct{})
	go func() { // ends with ctx
		defer close(ended)
		_ = a.Watch(ctx, tenant, func(r []schemas.Record) {
			select {
			case records <- r:
			case <-ctx.Done():
			}
		}) // where it fails the caller comes again
	}()
	backlogs := make(chan deliverylog.Backlog)
	go a.backlogs.follow(ctx, tenant, backlogs) // ends with ctx
	ticker := time.NewTicker(overviewEvery)
	defer ticker.Stop()
	err := s.overview(time.Now())
	for err == nil && a.made(tenant).Equal(made) {
		select {
		case r := <-records:
			err = s.see(a.ownRecords(tenant, made, r))
		case b := <-backlogs:
			s.wait(b)
		case now := <-ticker.C:
			err = s.overview(now)
		case <-ended: // the caller comes again
			return
		case <-a.Stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}

// ownRecords leaves out what becomes of events that were accepted before a tenant was
// made, and all that is of another by now.
func (a *API) ownRecords(tenant schemas.TenantID, made time.Time, records []schemas.Record) []schemas.Record {
	if !a.made(tenant).Equal(made) {
		return nil
	}
	return slices.DeleteFunc(records, func(r schemas.Record) bool {
		return r.Event != nil && r.Event.Accepted.Before(made) || r.Attempt != nil && !since(made, r.Attempt.Delivery)
	})
}

// see takes in records, and shows attempts as they are.
func (s *watcher) see(records []schemas.Record) error {
	for _, r := range records {
		switch {
		case r.Event != nil:
			if !r.Event.Late {
				s.picture.Accepted++
			}
			s.picture.Matched += len(r.Event.Endpoints)
			if r.Event.Dead != "" {
				s.picture.Dead++
			}
		case r.Attempt != nil:
			s.count(r.Attempt.Kind)
			if s.shown++; s.shown <= shownAttempts {
				if err := s.send("attempt", shownAttempt(r.Attempt)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *watcher) count(k schemas.Kind) {
	switch k {
	case schemas.Delivered:
		s.picture.Delivered++
	case schemas.Retry:
		s.picture.Retried++
	case schemas.Dead:
		s.picture.Dead++
	}
}

func shownAttempt(r *schemas.AttemptRecord) liveAttempt {
	return liveAttempt{
		At: r.Attempt.At, Delivery: r.Delivery, Endpoint: r.Endpoint,
		Event:   liveEvent{ID: r.Event.ID, Type: r.Event.Type, Source: r.Event.Source},
		Attempt: r.Attempt.Number, Outcome: r.Kind, Reason: r.Reason, Status: r.Attempt.Status,
		Duration: float64(r.Attempt.Duration.Std()) / float64(time.Millisecond),
	}
}

// wait takes in what waits.
func (s *watcher) wait(b deliverylog.Backlog) {
	now := time.Now()
	oldest := 0.0
	if !b.Oldest.IsZero() {
		oldest = now.Sub(b.Oldest).Seconds()
	}
	s.picture.Waiting, s.picture.Oldest = &b.Waiting, &oldest
	s.picture.Endpoints = make([]liveEndpoint, len(b.Endpoints))
	for i, e := range b.Endpoints {
		s.picture.Endpoints[i] = liveEndpoint{ID: e.Endpoint, Waiting: e.Waiting, Oldest: now.Sub(e.Oldest).Seconds()}
	}
}

func (s *watcher) overview(now time.Time) error {
	s.picture.At, s.shown = shown(now), 0
	return s.send("overview", s.picture)
}

// send writes one event (HTML Living Standard, section 9.2). JSON has no line breaks.
func (s *watcher) send(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(watcherPatience)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, data); err != nil {
		return err
	}
	return s.control.Flush()
}
