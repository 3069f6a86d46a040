package handshake_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/handshake"
	"github.com/tidings-dev/tidings/schemas"
)

// serve starts a server on loopback and returns its URL.
func serve(t *testing.T, handler http.HandlerFunc) *url.URL {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return parse(t, server.URL+"/hooks?for=acme")
}

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// ask asks with a transport that bounds headers as the egress guard's does.
func ask(t *testing.T, r handshake.Request) (handshake.Consent, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return askWithin(ctx, t, r)
}

func askWithin(ctx context.Context, t *testing.T, r handshake.Request) (handshake.Consent, error) {
	t.Helper()
	transport := &http.Transport{MaxResponseHeaderBytes: 64 << 10}
	t.Cleanup(transport.CloseIdleConnections)
	return handshake.Ask(ctx, transport, r)
}

// answer answers with a status and headers, given as name, value, name, value.
func answer(status int, pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			w.Header().Add(pairs[i], pairs[i+1])
		}
		w.WriteHeader(status)
	}
}

func TestAskSends(t *testing.T) {
	for name, row := range map[string]struct {
		callback string
		rate     int
		want     map[string]string // empty: absent
	}{
		"the origin alone": {"", 0, map[string]string{"WebHook-Request-Origin": origin, "WebHook-Request-Callback": "", "WebHook-Request-Rate": ""}},
		"all": {"https://example.com/confirm?id=1&key=a%20b", 120, map[string]string{
			"WebHook-Request-Origin": origin, "WebHook-Request-Callback": "https://example.com/confirm?id=1&key=a%20b", "WebHook-Request-Rate": "120",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan *http.Request, 1)
			r := handshake.Request{Origin: origin, Rate: row.rate}
			r.URL = serve(t, func(w http.ResponseWriter, q *http.Request) {
				if body, err := io.ReadAll(q.Body); err != nil || len(body) > 0 {
					t.Errorf("the body is %q, %v", body, err)
				}
				got <- q
				answer(http.StatusOK, origins, "*", rates, "*")(w, q)
			})
			if row.callback != "" {
				r.Callback = parse(t, row.callback)
			}
			if _, err := ask(t, r); err != nil {
				t.Fatal(err)
			}
			q := <-got
			if q.Method != http.MethodOptions || q.RequestURI != "/hooks?for=acme" || q.Host != r.URL.Host {
				t.Errorf("got %s %s of %s", q.Method, q.RequestURI, q.Host)
			}
			for name, value := range row.want {
				if values := q.Header.Values(name); value == "" && values != nil || value != "" && (len(values) != 1 || values[0] != value) {
					t.Errorf("%s is %q, want %q", name, values, value)
				}
			}
		})
	}
}

// The status decides nothing.
func TestAskReadsHeadersNotStatuses(t *testing.T) {
	for _, status := range []int{200, 204, 299, 301, 302, 307, 308, 400, 401, 404, 405, 410, 429, 500, 503} {
		with := serve(t, answer(status, origins, origin, rates, "100"))
		if got, err := ask(t, handshake.Request{URL: with, Origin: origin, Rate: 60}); err != nil || got.Rate != 100 {
			t.Errorf("%d with the headers: got %+v, %v; want consent", status, got, err)
		}
		without := serve(t, answer(status, "Allow", "POST"))
		if _, err := ask(t, handshake.Request{URL: without, Origin: origin}); !errors.Is(err, handshake.ErrNoConsent) {
			t.Errorf("%d without the headers: got %v; want no consent", status, err)
		}
	}
}

func TestAskTellsTheOwner(t *testing.T) {
	u := serve(t, answer(http.StatusMethodNotAllowed))
	_, err := ask(t, handshake.Request{URL: u, Origin: origin})
	const want = `OPTIONS met 405 Method Not Allowed: the endpoint did not consent to deliveries: ` +
		`its answer to OPTIONS has no WebHook-Allowed-Origin: let it answer "webhooks.example.com", or "*"`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAskFollowsNoRedirect(t *testing.T) {
	elsewhere := serve(t, func(w http.ResponseWriter, q *http.Request) {
		t.Error("the redirect was followed")
		answer(http.StatusOK, origins, "*", rates, "*")(w, q)
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		u := serve(t, answer(status, "Location", elsewhere.String()))
		if _, err := ask(t, handshake.Request{URL: u, Origin: origin}); !errors.Is(err, handshake.ErrNoConsent) {
			t.Errorf("%d: got %v, want no consent", status, err)
		}
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	u := serve(t, func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := askWithin(ctx, t, handshake.Request{URL: u, Origin: origin})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, handshake.ErrNoConsent) {
		t.Errorf("got %v", err)
	}
}

// A body that never ends does not hold up what the headers have said.
func TestAskDoesNotWaitForTheBody(t *testing.T) {
	released := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, q *http.Request) {
		defer close(released)
		answer(http.StatusOK, origins, "*")(w, q)
		for chunk := make([]byte, 64<<10); q.Context().Err() == nil; { // ends when Ask hangs up
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if got, err := askWithin(ctx, t, handshake.Request{URL: u, Origin: origin}); err != nil || got.Rate != 0 || ctx.Err() != nil {
		t.Errorf("got %+v, %v, and its context ended: %v", got, err, ctx.Err())
	}
	<-released
}

func TestAskBoundsTheHeader(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, q *http.Request) {
		for range 40 {
			w.Header().Add("X-Filler", strings.Repeat("a", 4<<10))
		}
		answer(http.StatusOK, origins, "*")(w, q)
	})
	if _, err := ask(t, handshake.Request{URL: u, Origin: origin}); err == nil || errors.Is(err, handshake.ErrNoConsent) {
		t.Errorf("160 KiB of header: got %v, want the transport's error", err)
	}
}

// An error of the network is neither consent nor its refusal.
func TestAskReturnsTheTransportsError(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("nobody there")}
	transport := roundTrip(func(*http.Request) (*http.Response, error) { return nil, refused })
	_, err := handshake.Ask(t.Context(), transport, handshake.Request{URL: parse(t, "https://example.com/"), Origin: origin})
	if err != error(refused) { //nolint:errorlint // as it is, not wrapped
		t.Errorf("got %v", err)
	}
}

func TestAskRefusesABadRequest(t *testing.T) {
	transport := roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("the endpoint was asked")
		return nil, io.EOF
	})
	_, err := handshake.Ask(t.Context(), transport, handshake.Request{URL: parse(t, "https://example.com/"), Origin: "a\r\nb"})
	if !schemas.HasCode(err, schemas.CodeInvalid) || errors.Is(err, handshake.ErrNoConsent) {
		t.Errorf("got %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAskSendsTheEndpointsHeaders(t *testing.T) {
	got := make(chan http.Header, 1)
	r := handshake.Request{
		Origin: origin, UserAgent: "Tidings",
		Header: http.Header{"Authorization": {"Bearer of the gateway"}, "User-Agent": {"forged"}, "Webhook-Request-Origin": {"forged"}},
	}
	r.URL = serve(t, func(w http.ResponseWriter, q *http.Request) {
		got <- q.Header
		answer(http.StatusOK, origins, "*")(w, q)
	})
	if _, err := ask(t, r); err != nil {
		t.Fatal(err)
	}
	h := <-got
	for name, want := range map[string]string{"Authorization": "Bearer of the gateway", "User-Agent": "Tidings", "WebHook-Request-Origin": origin} {
		if values := h.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s is %q, want %q", name, values, want)
		}
	}
	if r.Header.Get("User-Agent") != "forged" {
		t.Error("the caller's header was changed")
	}
}
