package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// terminal is a command line whose server is a function.
type terminal struct {
	env   call.Environment
	input io.Reader

	mu    sync.Mutex // guards what follows
	calls []string
	out   bytes.Buffer
	err   bytes.Buffer
}

// server answers a call of a method and a path, with a body, by a status and a body.
type server func(call, body string) (status int, answer string)

func newTerminal(serve server) *terminal {
	t := &terminal{input: strings.NewReader("")}
	t.env.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		call := r.Method + " " + r.URL.EscapedPath()
		t.mu.Lock()
		t.calls = append(t.calls, call)
		t.mu.Unlock()
		status, answer := serve(call, string(body))
		w := httptest.NewRecorder()
		if status >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
		return w.Result(), nil
	})
	return t
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// run runs one command, for the tenant acme, and returns what it printed.
func (t *terminal) run(ctx context.Context, args ...string) (out, problems string, err error) {
	root := &cobra.Command{Use: "tidings", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(cli.New(t.env).Commands()...)
	usage.Hold(root)
	t.mu.Lock()
	t.out.Reset()
	t.err.Reset()
	t.mu.Unlock()
	root.SetOut(locked{&t.mu, &t.out})
	root.SetErr(locked{&t.mu, &t.err})
	root.SetIn(t.input)
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	return t.out.String(), t.err.String(), err
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// replays is a server of a replay that takes some looks to end.
func replays(looks int) server {
	left := looks
	return func(call, _ string) (int, string) {
		switch {
		case strings.HasSuffix(call, "/cancel"):
			return 200, `{"id":"rpl_1","state":"cancelled"}`
		case strings.HasPrefix(call, "POST"):
			left = looks
			return 201, `{"id":"rpl_1","state":"running"}`
		case left > 0:
			left--
			return 200, fmt.Sprintf(`{"id":"rpl_1","state":"running","total":40,"seen":%d,"found":3,"sent":2}`, 40-10*left)
		}
		return 200, `{"id":"rpl_1","state":"done","found":3,"sent":3,"skipped":0}`
	}
}

func TestRecoverAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answer := range []string{"n\n", "\n", "", "yes\n"} {
			term := newTerminal(replays(3))
			term.env.Asks, term.env.Bars, term.input = true, true, strings.NewReader(answer)
			out, told, err := term.run(t.Context(), "recover", "--since", "2h", "--tenant", "acme")
			if !strings.Contains(told, "3 deliveries would be sent again. Go on? [y/N] ") {
				t.Errorf("%q: asked %q", answer, told)
			}
			if !strings.Contains(told, "50%") || !strings.Contains(told, "20 of 40 looked at, 3 found, 2 sent") {
				t.Errorf("%q: the bar is %q", answer, told)
			}
			if yes := answer == "yes\n"; yes != strings.Contains(out, "rpl_1 is done: 3 found, 3 sent, 0 skipped") || yes != (err == nil) {
				t.Errorf("%q: %v, printed %q", answer, err, out)
			}
		}
	})
}

// What cannot be sent is not promised, and it is said why.
func TestRecoverSaysWhatIsSkipped(t *testing.T) {
	for sends, want := range map[int]string{11: "11 deliveries would be sent again.", 0: "0 deliveries would be sent again."} {
		answer := fmt.Sprintf(`{"id":"rpl_1","state":"done","found":%d,"sent":0,"skipped":15,"skipped_by":{"event_not_stored":12,"endpoint_deleted":3}}`, sends+15)
		term := newTerminal(func(string, string) (int, string) { return 200, answer })
		out, _, err := term.run(t.Context(), "recover", "--since", "2h", "--tenant", "acme", "--dry-run")
		if want += " 15 more cannot be (3 endpoint_deleted, 12 event_not_stored).\n"; err != nil || out != want {
			t.Errorf("%v, printed %q, want %q", err, out, want)
		}
		term = newTerminal(func(string, string) (int, string) { return 200, answer })
		out, _, err = term.run(t.Context(), "replays", "watch", "rpl_1", "--tenant", "acme")
		if err != nil || !strings.Contains(out, "15 skipped (3 endpoint_deleted, 12 event_not_stored)\n") {
			t.Errorf("%v, watched %q", err, out)
		}
	}
}

// TestRecoverInterrupted interrupts it while the server sends.
func TestRecoverInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		asks   bool
		answer string
		want   string
		ended  bool
	}{
		"a script":      {false, "", "the replay rpl_1 goes on: follow it with tidings replays watch rpl_1, end it with tidings replays cancel rpl_1", false},
		"left running":  {true, "y\nn\n", "the replay rpl_1 goes on: ", false},
		"ended instead": {true, "y\ny\n", "the replay rpl_1 is ended", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				posts := 0
				serve := replays(0)
				term := newTerminal(func(call, body string) (int, string) {
					if strings.HasSuffix(call, "/replays") && strings.HasPrefix(call, "POST") {
						if posts++; posts == 2 {
							serve = replays(1000)
							time.AfterFunc(time.Second, interrupt)
						}
					}
					return serve(call, body)
				})
				term.env.Asks, term.input = c.asks, oneByOne(c.answer)
				args := []string{"recover", "--since", "2h", "--tenant", "acme"}
				if !c.asks {
					args = append(args, "--yes")
				}
				_, _, err := term.run(ctx, args...)
				if err == nil || !strings.Contains(err.Error(), c.want) || usage.ExitCode(err) != 1 {
					t.Errorf("got %v, want %q", err, c.want)
				}
				if ended := strings.HasSuffix(term.calls[len(term.calls)-1], "/cancel"); ended != c.ended {
					t.Errorf("ended: %t, want %t", ended, c.ended)
				}
			})
		})
	}
}

// oneByOne gives a line at a time, as a terminal does.
func oneByOne(text string) io.Reader { return &lines{text} }

type lines struct{ left string }

func (l *lines) Read(b []byte) (int, error) {
	if l.left == "" {
		return 0, io.EOF
	}
	line, rest, _ := strings.Cut(l.left, "\n")
	l.left = rest
	return copy(b, line+"\n"), nil
}

func TestReplayThatFails(t *testing.T) {
	term := newTerminal(func(string, string) (int, string) { return 200, `{"id":"rpl_1","state":"failed","error":"no room"}` })
	_, _, err := term.run(t.Context(), "replays", "watch", "rpl_1", "--tenant", "acme")
	if err == nil || err.Error() != "replay rpl_1 is failed: no room" || usage.ExitCode(err) != 1 {
		t.Errorf("got %v", err)
	}
}

// TestWatch shows deliveries once, and again when they go on, also over a server that
// is away for a moment; and gives up on one that stays away.
func TestWatch(t *testing.T) {
	item := func(id, status string, attempts int) string {
		return fmt.Sprintf(`{"id":%q,"endpoint":"ep_a","event":{},"accepted":"2000-01-01T00:00:01Z","status":%q,"attempts":%d}`, id, status, attempts)
	}
	looks := []string{
		"",
		item("dlv_a", "waiting", 0),
		item("dlv_b", "delivered", 1) + "," + item("dlv_a", "retrying", 1),
		"away", "away",
		item("dlv_b", "delivered", 1) + "," + item("dlv_a", "delivered", 2),
	}
	synctest.Test(t, func(t *testing.T) {
		look := 0
		term := newTerminal(func(string, string) (int, string) {
			answer := "away"
			if look < len(looks) {
				answer = looks[look]
			}
			look++
			if answer == "away" {
				return 502, "starting"
			}
			return 200, `{"items":[` + answer + `]}`
		})
		out, _, err := term.run(t.Context(), "deliveries", "list", "--watch", "--every", "1s", "--tenant", "acme", "-o", "json")
		if usage.ExitCode(err) != 5 || look != len(looks)+6 {
			t.Errorf("ends with %v after %d looks", err, look)
		}
		var got []string
		for line := range strings.Lines(out) {
			var d struct{ ID, Status string }
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				t.Fatal(err)
			}
			got = append(got, d.ID+" "+d.Status)
		}
		want := "dlv_a waiting; dlv_a retrying; dlv_b delivered; dlv_a delivered"
		if strings.Join(got, "; ") != want {
			t.Errorf("showed %q, want %q", got, want)
		}
		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, interrupt)
		look = 0
		if _, _, err := term.run(ctx, "deliveries", "list", "--watch", "--tenant", "acme"); err != nil {
			t.Errorf("interrupted: %v", err)
		}
	})
}

// TestHostileText wants that nothing a server or receiver says is obeyed by a
// terminal.
func TestHostileText(t *testing.T) {
	hostile := "\\u001b[2Jhi\\u0007\\u202e\\u009b"
	term := newTerminal(func(call, _ string) (int, string) {
		switch {
		case strings.HasSuffix(call, "/dlv_a"):
			return 200, `{"id":"dlv_a","endpoint":"` + hostile + `","event":{"id":"` + hostile + `"},"accepted":"2000-01-01T00:00:01Z","status":"dead","attempts":1,"history":[
				{"n":1,"at":"2000-01-01T00:00:02Z","took":"` + hostile + `","outcome":"dead","why":"` + hostile + `","detail":"` + hostile + `","exchange":{"url":"","body":"` + hostile + `"}}]}`
		case strings.HasSuffix(call, "/ep_a"):
			return 200, `{"id":"ep_a","name":"` + hostile + `","` + hostile + `":["` + hostile + `"]}`
		}
		return 200, `{"items":[{"id":"ep_a","name":"` + hostile + `"}]}`
	})
	term.env.Bars = true
	for _, args := range [][]string{{"endpoints", "list"}, {"endpoints", "get", "ep_a"}, {"deliveries", "get", "dlv_a"}, {"endpoints", "list", "-o", "id"}} {
		out, _, err := term.run(t.Context(), append(args, "--tenant", "acme")...)
		if err != nil || out == "" || strings.ContainsAny(out, "\x1b\x07\u202e\u009b") {
			t.Errorf("%v: %v, %q", args, err, out)
		}
	}
}

func TestColors(t *testing.T) {
	term := newTerminal(func(string, string) (int, string) {
		return 200, `{"items":[{"id":"ep_a","status":"active","url":"u"},{"id":"ep_b","status":"disabled"}]}`
	})
	plain, _, err := term.run(t.Context(), "endpoints", "list", "--tenant", "acme")
	if err != nil || strings.Contains(plain, "\x1b") {
		t.Errorf("%v, %q", err, plain)
	}
	term.env.Color = true
	colored, _, err := term.run(t.Context(), "endpoints", "list", "--tenant", "acme")
	if err != nil || !strings.Contains(colored, "\x1b[32mactive\x1b[0m    ") || !strings.Contains(colored, "\x1b[31mdisabled\x1b[0m") {
		t.Errorf("%v, %q", err, colored)
	}
	if strings.NewReplacer("\x1b[32m", "", "\x1b[31m", "", "\x1b[0m", "").Replace(colored) != plain {
		t.Errorf("colours move the columns:\n%s%s", plain, colored)
	}
}

func TestErasesAll(t *testing.T) {
	calls := 0
	term := newTerminal(func(_, body string) (int, string) {
		if calls++; body != `{"subject":"customer/1"}` {
			t.Errorf("sent %s", body)
		}
		return 200, fmt.Sprintf(`{"id":"ers_%d","found":2,"more":%t,"removed":{"events":2,"deliveries":1,"dead_letters":0,"log_records":4}}`, calls, calls < 3)
	})
	out, _, err := term.run(t.Context(), "erase", "--subject", "customer/1", "--yes", "--tenant", "acme")
	if err != nil || strings.Count(out, "removed 2 events, 1 waiting delivery, 0 dead letters and 4 lines of the log") != 3 {
		t.Errorf("%v, %s", err, out)
	}
}

// TestCompletionIsQuick completes by a server that never answers, and by none.
func TestCompletionIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(nil)
		term.env.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		out, _, err := term.run(t.Context(), "__complete", "endpoints", "get", "--tenant", "acme", "")
		if took := time.Since(began); err != nil || took != 2*time.Second || out != ":4\n" {
			t.Errorf("%v after %s, %q", err, took, out)
		}
		term.env.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("nobody there") })
		if out, _, err := term.run(t.Context(), "__complete", "recover", "--tenant", "acme", "--endpoint", ""); err != nil || out != ":4\n" {
			t.Errorf("%v, %q", err, out)
		}
	})
}

// TestTokenFromInput refuses to read two things from one standard input.
func TestTokenFromInput(t *testing.T) {
	term := newTerminal(func(string, string) (int, string) { return 200, `{"endpoints":[]}` })
	term.input = strings.NewReader("hunter2\n{}")
	_, _, err := term.run(t.Context(), "explain", "-", "--token", "-", "--tenant", "acme")
	if usage.ExitCode(err) != 2 || !strings.Contains(err.Error(), "the standard input has the token") || len(term.calls) > 0 {
		t.Errorf("got %v after %v", err, term.calls)
	}
	term.input = strings.NewReader("\n")
	if _, _, err := term.run(t.Context(), "tenants", "list", "--token", "-"); usage.ExitCode(err) != 2 {
		t.Errorf("no token: %v", err)
	}
}

// TestTypesThatLookMistyped publishes and subscribes to them: they are taken, and told.
func TestTypesThatLookMistyped(t *testing.T) {
	asked := 0
	serve := func(call, _ string) (int, string) {
		switch {
		case strings.HasSuffix(call, "/types"):
			asked++
			return 200, `{"items":[{"type":"parcel.sent"},{"type":"room.joinad"}]}`
		case strings.HasPrefix(call, "GET"):
			return 404, `{"title":"x","status":404,"detail":"no such type","code":"not_found"}`
		case strings.HasSuffix(call, "/events"):
			return 200, `{"events":[{"id":"a"}]}`
		}
		return 200, `{"id":"x"}`
	}
	for _, c := range []struct{ command, hint string }{
		{"subscriptions create ep_a room.joned", "did you mean room.joined? It is taken as it is written."},
		{"subscriptions create ep_a rom.*", "did you mean room.*?"},
		{"subscriptions create ep_a parcle.sent", "did you mean parcel.sent?"},
		{"subscriptions create ep_a room.* user.created own.thing *", ""},
		{"subscriptions create ep_a room.joinad", ""}, // is the tenant's own
		{"subscriptions update sub_a --types room.joned", "did you mean room.joined?"},
		{"endpoints create http://a --subscribe room.joned", "did you mean room.joined?"},
		{"trigger room.joned", ""},
	} {
		term := newTerminal(serve)
		_, told, err := term.run(t.Context(), append(strings.Fields(c.command), "--tenant", "acme")...)
		if trigger := strings.HasPrefix(c.command, "trigger"); trigger {
			if usage.ExitCode(err) != 3 || !strings.HasSuffix(err.Error(), "did you mean room.joined?") {
				t.Errorf("%s: %v", c.command, err)
			}
			continue
		}
		if err != nil || !strings.Contains(told, c.hint) || c.hint == "" && strings.Contains(told, "did you mean") {
			t.Errorf("%s: %v, says %q", c.command, err, told)
		}
	}
	asked = 0
	term := newTerminal(serve)
	if _, _, err := term.run(t.Context(), "subscriptions", "create", "ep_a", "room.joined", "--tenant", "acme"); err != nil || asked > 0 {
		t.Errorf("the server was asked %d times about a type of the catalogue, %v", asked, err)
	}
}
