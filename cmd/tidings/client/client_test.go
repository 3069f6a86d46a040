package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/schemas"
)

func problem(status int, code, detail, more string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"title":"x","status":%d,"detail":%q,"code":%q%s}`, status, detail, code, more)
	}
}

func plain(status int, body string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// kinds are what a caller branches on.
func kinds(e *client.Error) string {
	var b []string
	for word, is := range map[string]bool{"not found": e.NotFound(), "denied": e.Denied(), "unreachable": e.Unreachable()} {
		if is {
			b = append(b, word)
		}
	}
	return strings.Join(b, ", ")
}

func TestErrors(t *testing.T) {
	cases := map[string]struct {
		answer func(http.ResponseWriter)
		token  string
		want   string // of its text
		kind   string
	}{
		"invalid":           {problem(400, "invalid", "write it otherwise", `,"field":"policy.rate"`), "t", "GET URL/v1/x: policy.rate: write it otherwise (400 invalid)", ""},
		"field in detail":   {problem(400, "invalid", "policy.rate: write it otherwise", `,"field":"policy.rate"`), "t", "GET URL/v1/x: policy.rate: write it otherwise (400 invalid)", ""},
		"no token":          {problem(401, "unauthenticated", "…", ""), "", "there is no token: give one with --token, TIDINGS_TOKEN or tidings context add (401 unauthenticated)", "denied"},
		"wrong token":       {problem(401, "unauthenticated", "…", ""), "wrong", "the token is not valid there: give one with", "denied"},
		"forbidden":         {problem(403, "forbidden", "not with this scope", ""), "t", "not with this scope (403 forbidden)", "denied"},
		"not found":         {problem(404, "not_found", "no endpoint", ""), "t", "no endpoint (404 not_found)", "not found"},
		"conflict":          {problem(409, "conflict", "taken", ""), "t", "taken (409 conflict)", ""},
		"stale":             {problem(412, "stale", "read it again", ""), "t", "read it again (412 stale)", ""},
		"unprocessable":     {problem(422, "unprocessable", "data/x: must be", ""), "t", "data/x: must be (422 unprocessable)", ""},
		"internal":          {problem(500, "internal", "a mistake", ""), "t", "a mistake (500 internal)", ""},
		"full":              {problem(507, "storage_full", "no room", ""), "t", "no room (507 storage_full)", ""},
		"another's 404":     {plain(404, "<html>not here"), "t", "the answer 404 is not Tidings' own: something else listens there, so check --server", "unreachable"},
		"a proxy's 502":     {plain(502, "bad gateway"), "t", "the answer 502 is not Tidings' own", "unreachable"},
		"a problem of none": {plain(400, "{}", "Content-Type", "application/problem+json"), "t", "is not Tidings' own", "unreachable"},
		"a web page":        {plain(200, "<html>"), "t", "the answer 200 is not Tidings' own", "unreachable"},
		"elsewhere":         {plain(302, "", "Location", "https://elsewhere.example.com/"), "t", `wants to be called at "https://elsewhere.example.com/": give that as --server`, "unreachable"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				if got := r.Header.Get("Authorization"); got != "Bearer "+c.token && c.token != "" {
					t.Errorf("Authorization %q", got)
				}
				c.answer(w)
			}))
			defer server.Close()
			api, err := client.New(client.Options{Server: server.URL + "/", Token: c.token})
			if err != nil {
				t.Fatal(err)
			}
			_, err = api.Get(t.Context(), "/v1/x")
			e, ok := errors.AsType[*client.Error](err)
			if !ok || !strings.Contains(strings.ReplaceAll(err.Error(), server.URL, "URL"), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if got := kinds(e); got != c.kind {
				t.Errorf("it is %q, want %q", got, c.kind)
			}
			if calls != 1 {
				t.Errorf("it was called %d times", calls)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	api, err := client.New(client.Options{Server: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.Do(t.Context(), client.Request{Method: "GET", Path: "/v1/x", Query: url.Values{"cursor": {"c"}}})
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !e.Unreachable() || e.NotFound() || !strings.Contains(err.Error(), "no answer: ") || strings.Contains(err.Error(), "cursor") {
		t.Errorf("got %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := api.Get(ctx, "/v1/x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

func TestServersAndTokens(t *testing.T) {
	for server, want := range map[string]string{
		"http://127.0.0.1:8080": "", "https://hooks.example.com/tidings/": "",
		"": "is no URL", "127.0.0.1:8080": "is no URL", "localhost": "is no URL", "ftp://a": "is no URL", "http://": "is no URL",
		"http://u:hunter2@a": "has a user in it", "http://a?x=1": "has a query", "http://a\n": "is no URL",
	} {
		_, err := client.New(client.Options{Server: server})
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !schemas.HasCode(err, schemas.CodeInvalid)) {
			t.Errorf("%q: %v, want %q", server, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error has the password", server)
		}
	}
	for _, token := range []string{"a b", "a\nHost: b", "ä"} {
		if _, err := client.New(client.Options{Server: "http://a", Token: token}); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

// answers is a transport that gives one answer after the other, and the last for ever.
type answers struct {
	all  []func(http.ResponseWriter)
	seen []*http.Request
	at   []time.Duration // since the first
	from time.Time
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.from.IsZero() {
		a.from = time.Now()
	}
	a.at = append(a.at, time.Since(a.from))
	a.seen = append(a.seen, r)
	w := httptest.NewRecorder()
	a.all[min(len(a.seen), len(a.all))-1](w)
	return w.Result(), nil
}

func wait(status int, after string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		problem(status, "too_many", "slow down", "")(w)
	}
}

func TestRetryAfter(t *testing.T) {
	ok := plain(200, `{"id":"a"}`)
	cases := map[string]struct {
		all  []func(http.ResponseWriter)
		at   []time.Duration
		fail string
	}{
		"seconds":         {[]func(http.ResponseWriter){wait(429, "7"), wait(503, "2"), ok}, []time.Duration{0, 7 * time.Second, 9 * time.Second}, ""},
		"a date":          {[]func(http.ResponseWriter){wait(429, "Sat, 01 Jan 2000 00:00:20 GMT"), ok}, []time.Duration{0, 20 * time.Second}, ""},
		"a date before":   {[]func(http.ResponseWriter){wait(429, "Fri, 31 Dec 1999 00:00:20 GMT"), ok}, []time.Duration{0, time.Second}, ""},
		"none":            {[]func(http.ResponseWriter){wait(503, ""), ok}, []time.Duration{0, time.Second}, ""},
		"zero":            {[]func(http.ResponseWriter){wait(503, "0"), ok}, []time.Duration{0, time.Second}, ""},
		"nonsense":        {[]func(http.ResponseWriter){wait(503, "soon"), ok}, []time.Duration{0, time.Second}, ""},
		"too long":        {[]func(http.ResponseWriter){wait(429, "31")}, []time.Duration{0}, "slow down (429 too_many): try again in 31s"},
		"together":        {[]func(http.ResponseWriter){wait(429, "14")}, []time.Duration{0, 14 * time.Second, 28 * time.Second}, "slow down"},
		"under way":       {[]func(http.ResponseWriter){wait(503, "2"), wait(409, "1"), ok}, []time.Duration{0, 2 * time.Second, 3 * time.Second}, ""},
		"for long":        {[]func(http.ResponseWriter){wait(503, "20"), wait(409, "14")}, []time.Duration{0, 20 * time.Second}, "(503 too_many): it may still be done"},
		"for longer":      {[]func(http.ResponseWriter){wait(503, "10"), wait(409, "9")}, []time.Duration{0, 10 * time.Second, 19 * time.Second, 28 * time.Second}, "(503 too_many): it may still be done"},
		"of others":       {[]func(http.ResponseWriter){wait(409, "20")}, []time.Duration{0, 20 * time.Second}, "(409"},
		"a conflict":      {[]func(http.ResponseWriter){wait(409, "")}, []time.Duration{0}, "(409"},
		"not of a 507":    {[]func(http.ResponseWriter){wait(507, "1")}, []time.Duration{0}, "slow down"},
		"absurdly long":   {[]func(http.ResponseWriter){wait(429, "99999999999999999999")}, nil, "slow down"},
		"another's error": {[]func(http.ResponseWriter){plain(503, "starting"), ok}, []time.Duration{0, time.Second}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which begins with 2000
				a := &answers{all: c.all}
				api, err := client.New(client.Options{Server: "http://a", Transport: a})
				if err != nil {
					t.Fatal(err)
				}
				_, err = api.Post(t.Context(), "/v1/x", map[string]any{"n": 1})
				if (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) || strings.Count(fmt.Sprint(err), "it may") > 1 {
					t.Errorf("got %v, want %q", err, c.fail)
				}
				if diff := cmp.Diff(c.at, a.at); diff != "" && c.at != nil {
					t.Errorf("called at (-want +got):\n%s", diff)
				}
				key := a.seen[0].Header.Get("Idempotency-Key")
				for _, r := range a.seen {
					if body, _ := io.ReadAll(r.Body); string(body) != `{"n":1}` || key == "" || r.Header.Get("Idempotency-Key") != key || r.Header.Get("Content-Type") != "application/json" {
						t.Errorf("repeated as %v with %s", r.Header, body)
					}
				}
			})
		})
	}
}

func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{all: []func(http.ResponseWriter){wait(429, "10")}}
		api, err := client.New(client.Options{Server: "http://a", Transport: a})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		began := time.Now()
		if _, err := api.Get(ctx, "/v1/x"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// book is a transport of a list of so many numbers.
type book struct {
	size  int
	asked []string
	stuck bool
}

func (b *book) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	b.asked = append(b.asked, q.Encode())
	var from, limit int
	_, _ = fmt.Sscan(q.Get("cursor"), &from)
	_, _ = fmt.Sscan(q.Get("limit"), &limit)
	page := map[string]any{"items": []int{}}
	items := []int{}
	for i := from; i < min(from+limit, b.size); i++ {
		items = append(items, i)
	}
	page["items"] = items
	if from+limit < b.size {
		page["next"] = fmt.Sprint(from + limit)
	}
	if b.stuck {
		page["next"] = "0"
	}
	body, _ := json.Marshal(page)
	w := httptest.NewRecorder()
	_, _ = w.Write(body)
	return w.Result(), nil
}

func TestPages(t *testing.T) {
	for _, c := range []struct {
		size, most, got int
		next            string
		asked           []string
	}{
		{0, 0, 0, "", []string{"limit=200&type=a"}},
		{450, 0, 450, "", []string{"limit=200&type=a", "cursor=200&limit=200&type=a", "cursor=400&limit=200&type=a"}},
		{450, 50, 50, "50", []string{"limit=50&type=a"}},
		{450, 250, 250, "250", []string{"limit=200&type=a", "cursor=200&limit=50&type=a"}},
		{450, 450, 450, "", []string{"limit=200&type=a", "cursor=200&limit=200&type=a", "cursor=400&limit=50&type=a"}},
		{3, 50, 3, "", []string{"limit=50&type=a"}},
	} {
		b := &book{size: c.size}
		api, err := client.New(client.Options{Server: "http://a", Transport: b})
		if err != nil {
			t.Fatal(err)
		}
		p, err := api.List(t.Context(), "/v1/x", url.Values{"type": {"a"}}, c.most)
		if err != nil || len(p.Items) != c.got || p.Next != c.next || p.Items == nil {
			t.Errorf("%d of %d: %d items, next %q, %v", c.most, c.size, len(p.Items), p.Next, err)
		}
		if diff := cmp.Diff(c.asked, b.asked); diff != "" {
			t.Errorf("%d of %d: asked (-want +got):\n%s", c.most, c.size, diff)
		}
	}
	api, _ := client.New(client.Options{Server: "http://a", Transport: &book{size: 10, stuck: true}})
	if _, err := api.List(t.Context(), "/v1/x", nil, 0); err == nil || !strings.Contains(err.Error(), "again and again") {
		t.Errorf("a server that gives the same page again: %v", err)
	}
}

func TestPath(t *testing.T) {
	if got, want := client.Path("v1", "tenants", "a/../b?c", "ü"), "/v1/tenants/a%2F..%2Fb%3Fc/%C3%BC"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
