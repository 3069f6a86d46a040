package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/files"
	"github.com/tidings-dev/tidings/producers/lobbies"
	"github.com/tidings-dev/tidings/producers/messages"
	"github.com/tidings-dev/tidings/producers/rooms"
	"github.com/tidings-dev/tidings/producers/users"
	"github.com/tidings-dev/tidings/schemas"
)

// publishDemo publishes events of all five domains, as their services would.
func publishDemo(ctx context.Context, a *app, s *story) (events int, err error) {
	nc, err := a.connection("demo producers")
	if err != nil {
		return 0, err
	}
	pub, err := producers.New(nc, producers.Options{Tenant: demoTenant, Source: "/demo"})
	if err != nil {
		return 0, err
	}
	to := storyteller{pub, s, a}
	now := time.Now().UTC()
	unique := strings.ToLower(rand.Text()[:6]) // each run has its own people
	ada := users.User{ID: "user-" + unique, FirstName: "Ada", LastName: "Moss", Email: "ada@example.test", Active: true, CreatedAt: now}
	person := producers.Person{ID: ada.ID, Name: "Ada Moss", Email: ada.Email}
	room := rooms.Room{ID: "room-" + unique, Title: "Design review", OwnerID: ada.ID, CreatedAt: now}
	steps := []func() (producers.Receipt, error){
		func() (producers.Receipt, error) { return users.Created(ctx, to, ada) },
		func() (producers.Receipt, error) {
			return users.SignedIn(ctx, to, ada, users.Identity{ID: "id-" + unique, Provider: "email", VerifiedAt: now})
		},
		func() (producers.Receipt, error) { return rooms.Created(ctx, to, room) },
		func() (producers.Receipt, error) { return rooms.Joined(ctx, to, room, person) },
		func() (producers.Receipt, error) {
			return messages.Created(ctx, to, messages.Message{ID: "message-" + unique, RoomID: room.ID, Author: person, Body: "Hello, world", CreatedAt: now})
		},
		func() (producers.Receipt, error) {
			return files.Created(ctx, to, files.File{ID: "file-" + unique, Name: "plan.pdf", ContentType: "application/pdf", Size: 48213, CreatedByUserID: ada.ID, CreatedAt: now})
		},
		func() (producers.Receipt, error) {
			return lobbies.Booked(ctx, to, lobbies.Booking{
				ID: "booking-" + unique, Lobby: lobbies.Lobby{ID: "lobby-1", DisplayName: "Front desk", Active: true},
				Start: now.Add(time.Hour), End: now.Add(2 * time.Hour), Status: "confirmed", CreatedAt: now,
			})
		},
	}
	for _, publish := range steps {
		if _, err := publish(); err != nil {
			return 0, err
		}
	}
	return len(steps), nil
}

// storyteller publishes, and tells of it.
type storyteller struct {
	pub *producers.Publisher
	s   *story
	a   *app
}

// Publish counts the deliveries before the event is out, so that none ends
// uncounted.
func (t storyteller) Publish(ctx context.Context, e schemas.Event) (producers.Receipt, error) {
	endpoints := t.a.index.Match(nil, demoTenant, e.Type())
	t.s.want += len(endpoints)
	t.s.say("event", "%s %s → deliveries to %s", e.Type(), e.Subject(), list(endpoints))
	return t.pub.Publish(ctx, e)
}

func list(endpoints []schemas.EndpointID) string {
	names := make([]string, len(endpoints))
	for i, id := range endpoints {
		names[i] = string(id)
	}
	return strings.Join(names, ", ")
}

// demoReceivers is an HTTP server that plays all demo receivers, by path.
type demoReceivers struct {
	url    string
	server *http.Server
	done   chan struct{}
	story  *story
	key    signing.Key

	mu    sync.Mutex // guards tries
	tries map[string]int
}

func startDemoReceivers(s *story) (*demoReceivers, error) {
	key, err := signing.ParseKey(demoSecret)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &demoReceivers{url: "http://" + listener.Addr().String(), done: make(chan struct{}), story: s, key: key, tries: map[string]int{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(r.done)
		if err := r.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.say("receiver", "stopped: %v", err)
		}
	}()
	return r, nil
}

func (r *demoReceivers) stop() {
	_ = r.server.Close()
	<-r.done
}

func (r *demoReceivers) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	name := strings.TrimPrefix(q.URL.Path, "/")
	id := schemas.DeliveryID(q.Header.Get(signing.HeaderID))
	if err := signing.Verify(q.Header, body, time.Now(), r.key); err != nil {
		r.story.say("receiver", "%s refuses a delivery: %v", name, err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if name == demoFlaky && r.try(string(id)) <= 2 {
		r.story.say("receiver", "%s is having a bad moment, and answers 503", name)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.story.say("receiver", "%s verified %s (%d bytes)", name, short(id), len(body))
	w.WriteHeader(http.StatusNoContent)
}

// try counts the requests with an id.
func (r *demoReceivers) try(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries[id]++
	return r.tries[id]
}
