package listen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/schemas"
)

// heard is a delivery, and what became of it here.
type heard struct {
	schemas.Pulled
	at      time.Time
	dialect string
	signed  bool
	verdict error // of the signature; nil if it is right
	sent    bool
	status  string // of the program's answer, like "200 OK"
	code    int
	failure string // why there was no answer
	took    time.Duration
	settled schemas.Settled
}

func (h *heard) header() http.Header {
	header := make(http.Header, len(h.Headers))
	for name, value := range h.Headers {
		header.Set(name, value)
	}
	return header
}

func (h *heard) body() []byte {
	if len(h.BodyBase64) > 0 {
		return h.BodyBase64
	}
	return []byte(h.Body)
}

// forward sends the delivery on as Tidings would.
func (h *heard) forward(ctx context.Context, client *http.Client, to string) {
	h.sent = true
	began := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(h.body()))
	if err == nil {
		r.Header = h.header()
		var answer *http.Response
		if answer, err = client.Do(r); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // its status has said it
			_ = answer.Body.Close()
			h.status, h.code = answer.Status, answer.StatusCode
		}
	}
	h.took = time.Since(began)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if err != nil {
		h.failure = err.Error()
	}
}

// taken reports whether the program took it.
func (h *heard) taken() bool { return h.code >= 200 && h.code < 300 }

// listenPrinter writes what is heard for people, or for programs.
type listenPrinter struct {
	mu         sync.Mutex // guards the writers: one at a time
	out, notes io.Writer
	asJSON     bool
	colour     bool
}

func newListenPrinter(out, notes io.Writer, asJSON bool) *listenPrinter {
	none := os.Getenv("NO_COLOR") != "" //nolint:forbidigo // no-color.org
	return &listenPrinter{out: out, notes: notes, asJSON: asJSON, colour: !none && isTerminal(out)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// The colours of ECMA-48, "select graphic rendition".
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
)

func (p *listenPrinter) in(colour, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// note says what is no delivery. Programs that read the output do not see it.
func (p *listenPrinter) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.notes, "%s\n", printable(fmt.Sprintf(format, args...)))
}

func (p *listenPrinter) begin(l *listener) {
	to := "each delivery is taken"
	if l.o.forward != "" {
		to = "forwarding to " + l.o.forward
	}
	p.note("listening to %s of tenant %s as %s (%s); Ctrl-C ends it", strings.Join(l.o.types, ", "), l.api.tenant, l.endpoint, to)
}

func (p *listenPrinter) delivery(h heard) {
	text := p.text(h)
	if p.asJSON {
		text = h.json()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.out, text)
}

// text is a delivery for people.
func (p *listenPrinter) text(h heard) string {
	var b strings.Builder
	verified := p.in(green, "✓ verified")
	switch {
	case !h.signed:
		verified = "not signed"
	case h.verdict != nil:
		verified = p.in(red, "✗ "+printable(h.verdict.Error()))
	}
	_, _ = fmt.Fprintf(&b, "%s  %s  %s  %s  %s", p.in(faint, h.at.Format("15:04:05.000")), p.in(bold, printable(h.Event.Type)), p.in(faint, string(h.ID)), h.dialect, verified)
	if h.Attempt > 1 {
		_, _ = fmt.Fprintf(&b, "  attempt %d", h.Attempt)
	}
	b.WriteByte('\n')
	var pretty bytes.Buffer
	body := h.body()
	if json.Indent(&pretty, body, "  ", "  ") == nil {
		body = pretty.Bytes()
	}
	switch {
	case len(body) == 0:
	case utf8.Valid(body):
		_, _ = fmt.Fprintf(&b, "  %s\n", printable(string(body)))
	default:
		_, _ = fmt.Fprintf(&b, "  (%d bytes that are no text)\n", len(body))
	}
	if h.sent {
		_, _ = fmt.Fprintf(&b, "  → %s\n", p.answer(h))
	} else if h.settled.Status != schemas.SettledDelivered {
		_, _ = fmt.Fprintf(&b, "  → %s\n", p.in(red, fate(h.settled)))
	}
	return b.String()
}

// answer is what the program said, and what follows from that.
func (p *listenPrinter) answer(h heard) string {
	took := h.took.Round(time.Millisecond)
	switch {
	case h.failure != "":
		return p.in(red, printable(h.failure)) + fmt.Sprintf(" after %s: %s", took, fate(h.settled))
	case !h.taken():
		return p.in(red, printable(h.status)) + fmt.Sprintf(" in %s: %s", took, fate(h.settled))
	case h.settled.Status != schemas.SettledDelivered:
		return p.in(green, printable(h.status)) + fmt.Sprintf(" in %s, but %s", took, fate(h.settled))
	}
	return p.in(green, printable(h.status)) + fmt.Sprintf(" in %s", took)
}

// fate is what Tidings does with it now.
func fate(s schemas.Settled) string {
	switch s.Status {
	case schemas.SettledDelivered:
		return "delivered"
	case schemas.SettledRetry:
		return "it comes again at " + s.Next.Local().Format("15:04:05") //nolint:gosmopolitan // for the person who watches
	case schemas.SettledDead:
		return "given up: " + printable(string(s.Reason))
	case schemas.SettledGone:
		return "it was settled before, or has died"
	default:
		return "Tidings was not told in time: it comes again"
	}
}

// printable keeps what is shown from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

// json is a delivery for programs, in a line.
func (h *heard) json() string {
	type forwarded struct {
		Status int     `json:"status,omitempty"`
		Error  string  `json:"error,omitempty"`
		Millis float64 `json:"ms"`
	}
	line := struct {
		Time     time.Time             `json:"time"`
		ID       schemas.DeliveryID    `json:"id"`
		Attempt  int                   `json:"attempt"`
		Event    schemas.EventSummary  `json:"event"`
		Dialect  string                `json:"dialect"`
		Verified *bool                 `json:"verified,omitempty"` // absent where nothing is signed
		Reason   string                `json:"reason,omitempty"`
		Headers  map[string]string     `json:"headers"`
		Body     any                   `json:"body,omitempty"`
		Base64   []byte                `json:"body_base64,omitempty"`
		Forward  *forwarded            `json:"forward,omitempty"`
		Outcome  schemas.SettledStatus `json:"outcome"`
	}{
		Time: h.at.UTC(), ID: h.ID, Attempt: h.Attempt, Event: h.Event, Dialect: h.dialect, Headers: h.Headers,
		Base64: h.BodyBase64, Outcome: h.settled.Status,
	}
	if h.signed {
		right := h.verdict == nil
		line.Verified = &right
	}
	if h.verdict != nil {
		line.Reason = h.verdict.Error()
	}
	switch {
	case json.Valid([]byte(h.Body)):
		line.Body = json.RawMessage(h.Body)
	case h.Body != "":
		line.Body = h.Body
	}
	if h.sent {
		line.Forward = &forwarded{h.code, h.failure, float64(h.took.Microseconds()) / 1000}
	}
	var text strings.Builder
	_ = show.Line(&text, line) // strings, numbers and times of this century: cannot fail
	return text.String()
}
