package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/files"
	"github.com/tidings-dev/tidings/producers/lobbies"
	"github.com/tidings-dev/tidings/producers/messages"
	"github.com/tidings-dev/tidings/producers/rooms"
	"github.com/tidings-dev/tidings/producers/users"
	"github.com/tidings-dev/tidings/schemas"
)

// publishDemo publishes events of all five domains, as their services would.
func publishDemo(ctx context.Context, p *pipe.Process, s *story) (events int, err error) {
	nc, err := p.Connection("demo producers")
	if err != nil {
		return 0, err
	}
	pub, err := producers.New(nc, producers.Options{Tenant: demoTenant, Source: "/demo"})
	if err != nil {
		return 0, err
	}
	to := storyteller{pub, s, p}
	steps := demoSteps(strings.ToLower(rand.Text()[:6]), time.Now()) // each run has its own people
	for _, publish := range steps {
		if _, err := publish(ctx, to); err != nil {
			return 0, err
		}
	}
	return len(steps), nil
}

type demoStep = func(context.Context, producers.Sink) (producers.Receipt, error)

// demoSteps are what Ada does on her first day. Unique is six characters for
// the ids.
func demoSteps(unique string, now time.Time) []demoStep {
	ada := users.User{
		ID: "user-" + unique, Reference: "employee-1", Email: "ada@example.test", FirstName: "Ada", LastName: "Moss",
		Active: true, CreatedAt: now, UpdatedAt: now,
	}
	session := demoSession(ada, now)
	signIn := users.SignIn{
		Identities: []users.Identity{{ID: "identity-" + unique, Provider: "email", VerifiedAt: now}},
		Email:      ada.Email, VerifiedAt: now, Session: session,
	}
	room := rooms.Room{
		ID: "room-" + unique, UUID: fmt.Sprintf("7d7b0f7e-5b4a-4a45-8d44-%x", unique), Visibility: rooms.Public, Session: session,
	}
	message := messages.Message{
		ID: "message-" + unique, Body: "Hello, world", ConversationID: "conversation-1", AuthorID: ada.ID, CreatedAt: now, UpdatedAt: now,
	}
	file := files.File{
		ID: "file-" + unique, Name: "plan.pdf", ContentType: "application/pdf", Status: files.UploadPending,
		CategoryID: "plans", CreatedByUserID: ada.ID, CreatedAt: now, UpdatedAt: now,
	}
	lobby := lobbies.Lobby{ID: "lobby-1", Slug: "front-desk", DisplayName: "Front desk", Active: true, URL: "https://example.test/front-desk"}
	booking := lobbies.Booking{
		ID: "booking-" + unique, Start: now.Add(time.Hour), End: now.Add(2 * time.Hour), Status: "confirmed", Created: now,
	}
	type receipt = producers.Receipt
	return []demoStep{
		func(ctx context.Context, to producers.Sink) (receipt, error) { return users.Created(ctx, to, ada) },
		func(ctx context.Context, to producers.Sink) (receipt, error) {
			return users.SignedIn(ctx, to, ada.ID, signIn)
		},
		func(ctx context.Context, to producers.Sink) (receipt, error) { return rooms.Created(ctx, to, room) },
		func(ctx context.Context, to producers.Sink) (receipt, error) {
			return rooms.Joined(ctx, to, rooms.Member{RoomID: room.ID, Session: session})
		},
		func(ctx context.Context, to producers.Sink) (receipt, error) {
			return messages.Created(ctx, to, message)
		},
		func(ctx context.Context, to producers.Sink) (receipt, error) { return files.Created(ctx, to, file) },
		func(ctx context.Context, to producers.Sink) (receipt, error) {
			return lobbies.Booked(ctx, to, lobby, booking)
		},
	}
}

// demoSession is the session in which a user does things.
func demoSession(u users.User, now time.Time) *producers.Session {
	client := "client-of-" + u.ID
	return &producers.Session{
		AppPID: "demo", KeyID: "key-1", ClientID: client, ConnectionID: "demo:" + u.ID, Timestamp: now, ExpiresAt: now.Add(time.Hour),
		User: &producers.SessionUser{
			ID: u.ID, ClientID: client, Username: "ada", OrgID: "demo", AppID: "demo", FirstName: u.FirstName, LastName: u.LastName,
			IsOnline: true, LastOnline: now, CreatedAt: now, UpdatedAt: now,
		},
	}
}

// storyteller publishes, and tells of it.
type storyteller struct {
	pub *producers.Publisher
	s   *story
	a   *pipe.Process
}

// Publish counts the deliveries before the event is out, so that none ends
// uncounted.
func (t storyteller) Publish(ctx context.Context, e schemas.Event) (producers.Receipt, error) {
	endpoints := t.a.Index.Match(nil, fanout.Event{Tenant: demoTenant, Type: e.Type(), Known: t.a.Types.Find(demoTenant, e.Type()), Data: e.Data()})
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
	// verifiers are those of the endpoints, by name.
	verifiers map[string]demoVerifier

	mu    sync.Mutex // guards tries
	tries map[string]int
}

// demoVerifier knows the dialect of an endpoint.
type demoVerifier struct {
	*signing.Verifier
	dialect schemas.Dialect
}

func startDemoReceivers(s *story) (*demoReceivers, error) {
	verifiers := map[string]demoVerifier{}
	for _, e := range demoEndpoints() {
		v, err := signing.NewVerifier(e.dialect, demoSecret)
		if err != nil {
			return nil, err
		}
		verifiers[e.name] = demoVerifier{v, e.dialect}
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &demoReceivers{url: "http://" + listener.Addr().String(), done: make(chan struct{}), story: s, verifiers: verifiers, tries: map[string]int{}}
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
	v, ok := r.verifiers[name]
	if !ok {
		http.NotFound(w, q)
		return
	}
	if err := v.Verify(q.Header, body, time.Now()); err != nil {
		r.story.say("receiver", "%s refuses a delivery: %v", name, err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	what := calls(q.Header, body)
	if name == demoFlaky && r.try(what) <= 2 {
		r.story.say("receiver", "%s is having a bad moment, and answers 503", name)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.story.say("receiver", "%s verified %s (%s, %d bytes)", name, what, v.dialect, len(body))
	w.WriteHeader(http.StatusNoContent)
}

// calls is what a request calls itself: by its id, or by the event's name in
// systems that number no deliveries.
func calls(h http.Header, body []byte) string {
	if id := h.Get(signing.HeaderID); id != "" {
		return short(schemas.DeliveryID(id))
	}
	var b struct{ Event, Name string }
	_ = json.Unmarshal(body, &b) // it was verified
	return cmp.Or(b.Event, b.Name)
}

// try counts the requests with an id.
func (r *demoReceivers) try(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries[id]++
	return r.tries[id]
}
