package listen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// straight is a transport to a handler, without sockets: so the clock is the test's.
type straight struct{ to http.Handler }

func (s straight) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() { // ends with the request
		defer close(done)
		s.to.ServeHTTP(w, r)
	}()
	select {
	case <-done:
	case <-r.Context().Done():
		<-done
		return nil, r.Context().Err()
	}
	answer := w.Result()
	answer.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat)) // as a server does
	return answer, nil
}

// shown is what a listener wrote.
type shown struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shown) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// ear is a listener that listens.
type ear struct {
	*listener
	t          *testing.T
	out, notes shown
	stop       func()
	ended      chan struct{}
	err        error
}

// hasty is the client of a listener, to a handler.
func hasty(t *testing.T, token string, api http.Handler) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Server: "http://tidings.test", Token: token, Transport: straight{api}, MaxWait: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listens starts a listener whose deliveries go to a program, unless that is nil.
func (s *service) listens(o listenOptions, api http.Handler, program http.HandlerFunc) *ear {
	s.t.Helper()
	o.timeout = 15 * time.Second
	if o.types == nil {
		o.types = []string{"order.*"}
	}
	if program != nil {
		o.forward = "http://program.test/hooks"
	}
	e := &ear{t: s.t, ended: make(chan struct{})}
	l, err := newListener(o, hasty(s.t, s.token, api), &e.out, &e.notes)
	if err != nil {
		s.t.Fatal(err)
	}
	l.to.Transport = straight{program}
	e.listener = l
	ctx, stop := context.WithCancel(s.t.Context())
	e.stop = func() { stop(); <-e.ended }
	go func() {
		defer close(e.ended)
		e.err = l.listen(ctx, testTenant)
	}()
	s.t.Cleanup(e.stop)
	e.says("listening to")
	return e
}

// says waits until the listener has noted something.
func (e *ear) says(text string) { e.t.Helper(); e.waits(&e.notes, text) }

// shows waits until it has shown something.
func (e *ear) shows(text string) { e.t.Helper(); e.waits(&e.out, text) }

func (e *ear) waits(in *shown, text string) {
	e.t.Helper()
	for range 6000 {
		if strings.Contains(in.String(), text) {
			return
		}
		select {
		case <-e.ended:
			e.t.Fatalf("it ended with %v", e.err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	e.t.Fatalf("it does not say %q:\n%s\n%s", text, e.notes.String(), e.out.String())
}

// A program gets the very headers and body, fails once, and gets it again.
func TestListenForwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startService(t)
		var calls atomic.Int64
		var e *ear
		program := func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || e.verifier.Verify(r.Header, body, time.Now()) != nil || r.URL.Path != "/hooks" || r.Header.Get("webhook-id") == "" {
				t.Errorf("%s %v %s", r.URL, r.Header, body)
			}
			if calls.Add(1) == 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
		e = s.listens(listenOptions{dialect: "standard"}, s.api, func(w http.ResponseWriter, r *http.Request) { program(w, r) })
		s.publish(t.Context(), "e1")
		e.shows("500 Internal Server Error in 0s: it comes again at")
		e.shows("200 OK in 0s")
		got := e.out.String()
		for _, want := range []string{"order.created", "dlv_", "✓ verified", "attempt 2", "    \"id\": \"e1\"\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("it does not show %q:\n%s", want, got)
			}
		}
		if strings.Contains(got, "\x1b") {
			t.Errorf("colours in what is no terminal: %q", got)
		}
		endpoint := e.endpoint
		<-time.After(5 * time.Second) // the log catches up
		var page struct{ Items []deliverylog.Delivery }
		s.call("GET", "/deliveries?endpoint="+string(endpoint), "", &page)
		if d := page.Items; len(d) != 1 || d[0].Status != deliverylog.Delivered || d[0].Attempts != 2 {
			t.Errorf("the log says %+v", d)
		}
		e.stop()
		if e.err != nil || !strings.Contains(e.notes.String(), "is removed") {
			t.Errorf("ended %v:\n%s", e.err, e.notes.String())
		}
		if _, err := s.registry.Endpoint(t.Context(), endpoint); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("the endpoint is still there: %v", err)
		}
	})
}

// Programs read a line for each delivery; filters and the dialect are the subscription's.
func TestListenPrintsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startService(t)
		e := s.listens(listenOptions{dialect: "cloudevents", printJSON: true, filters: []string{`data.id == "e2"`, `{"prefix":{"type":"order"}}`}}, s.api, nil)
		s.publish(t.Context(), "e1")
		s.publish(t.Context(), "e2")
		e.shows("\n")
		<-time.After(10 * time.Second)
		var got struct {
			Dialect  string
			Verified bool
			Outcome  string
			Event    struct{ ID, Type string }
			Body     map[string]any
		}
		if err := json.Unmarshal([]byte(e.out.String()), &got); err != nil {
			t.Fatalf("%v: %s", err, e.out.String())
		}
		if got.Event.ID != "e2" || got.Dialect != "cloudevents" || !got.Verified || got.Outcome != "delivered" || got.Body == nil {
			t.Errorf("got %+v of %s", got, e.out.String())
		}
	})
}

// What is published while the API is away comes once it is back.
func TestListenConnectsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startService(t)
		var away atomic.Bool
		e := s.listens(listenOptions{dialect: "standard"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			s.api.ServeHTTP(w, r)
		}), nil)
		away.Store(true)
		e.says("connection lost (the API answered 502): trying again in")
		for _, id := range []string{"e1", "e2", "e3"} {
			s.publish(t.Context(), id)
		}
		<-time.After(5 * time.Minute)
		away.Store(false)
		e.says("connected again")
		for _, id := range []string{"e1", "e2", "e3"} {
			e.shows(`"id": "` + id + `"`)
		}
		if n := strings.Count(e.out.String(), "order.created"); n != 6 { // in the head and in the body of each
			t.Errorf("%d times order.created, want 6:\n%s", n, e.out.String())
		}
	})
}

// What a listener leaves behind that is killed, the next one removes; one that lives
// is left alone, however long it has listened.
func TestListenRemovesWhatTheDeadLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startService(t)
		var killed atomic.Bool
		mortal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if killed.Load() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			s.api.ServeHTTP(w, r)
		})
		dead, living := s.listens(listenOptions{dialect: "standard"}, mortal, nil), s.listens(listenOptions{dialect: "standard"}, s.api, nil)
		if err := s.registry.PutEndpoint(t.Context(), schemas.Endpoint{ID: "ep_mine", Tenant: testTenant, Pull: true, Name: "not a listener's", Secrets: []schemas.Secret{schemas.NewSecret(signing.NewSecret())}}); err != nil {
			t.Fatal(err)
		}
		killed.Store(true)
		<-time.After(20 * time.Minute)
		next := s.listens(listenOptions{dialect: "standard"}, s.api, nil)
		if !strings.Contains(next.notes.String(), "removed "+string(dead.endpoint)) {
			t.Errorf("it says:\n%s", next.notes.String())
		}
		for id, want := range map[schemas.EndpointID]bool{dead.endpoint: false, living.endpoint: true, "ep_mine": true} {
			if _, err := s.registry.Endpoint(t.Context(), id); (err == nil) != want {
				t.Errorf("%s: %v", id, err)
			}
		}
		// Who was taken for dead goes on with another endpoint.
		killed.Store(false)
		dead.says("was removed: making another")
		dead.says("connected again") // to another, which is made by now
		s.publish(t.Context(), "e1")
		for _, e := range []*ear{dead, living, next} {
			e.shows(`"id": "e1"`)
		}
	})
}

func TestListenRefuses(t *testing.T) {
	for want, o := range map[string]listenOptions{
		"--forward-to: url is not abso": {forward: "/hooks", timeout: time.Second},
		"--timeout 1m0s":                {timeout: time.Minute},
	} {
		if _, err := newListener(o, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := startService(t)
		for _, row := range []struct {
			want, token string
			o           listenOptions
			exit        int
		}{
			{"the token is not valid there", "tidings_wrong", listenOptions{}, 4},
			{"there is no token", "", listenOptions{}, 4},
			{"filters[0]", s.token, listenOptions{filters: []string{"data.("}}, 1},
			{"dialect", s.token, listenOptions{dialect: "morse"}, 1},
			{"not valid", s.token, listenOptions{filters: []string{"{"}}, 2},
		} {
			row.o.timeout, row.o.types = time.Second, []string{"*"}
			l, err := newListener(row.o, hasty(t, row.token, s.api), io.Discard, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.listen(t.Context(), testTenant); err == nil || !strings.Contains(err.Error(), row.want) || usage.ExitCode(err) != row.exit {
				t.Errorf("%+v: %v, want %q", row.o, err, row.want)
			}
		}
		page := struct{ Items []any }{}
		if s.call("GET", "/endpoints", "", &page); len(page.Items) != 0 {
			t.Errorf("endpoints are left: %v", page.Items)
		}
	})
}

// TestListenPrintsLetters prints what is no web page as what it is.
func TestListenPrintsLetters(t *testing.T) {
	h := heard{Pulled: schemas.Pulled{ID: "dlv_1", Body: `{"a":"1 > 0 \u0026 <b>"}`}, settled: schemas.Settled{Status: schemas.SettledDelivered}}
	got := h.json()
	if !strings.Contains(got, `"a":"1 > 0 & <b>"`) || strings.Count(got, "\n") != 1 {
		t.Errorf("%q", got)
	}
}

// What comes over the net does not steer the terminal, and a wrong signature is told.
func TestListenShowsWhatIsWrong(t *testing.T) {
	p := &listenPrinter{colour: true}
	h := heard{
		Pulled: schemas.Pulled{ID: "dlv_1", Attempt: 1, Event: schemas.EventSummary{Type: "a.\x1b[2Jb"}, Body: "no \x1b]0;JSON\a"},
		signed: true, verdict: errors.New("the signature is wrong"), dialect: "standard",
		settled: schemas.Settled{Status: schemas.SettledDelivered},
	}
	got := p.text(h)
	if strings.Contains(got, "\x1b[2J") || strings.Contains(got, "\a") || !strings.Contains(got, "✗ the signature is wrong") || !strings.Contains(got, "\x1b[31m") {
		t.Errorf("%q", got)
	}
	h.BodyBase64, h.Body, h.verdict = []byte{0xff, 0}, "", signing.ErrNoKey
	if got = p.text(h); !strings.Contains(got, "(2 bytes that are no text)") {
		t.Errorf("%q", got)
	}
}
