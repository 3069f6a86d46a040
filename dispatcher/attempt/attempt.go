package attempt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/crash"
)

// list are the stages of an attempt, in order. The first that has a verdict ends it.
func (m *Maker) list() []stage {
	return []stage{
		m.pace,    // the endpoint's turn, where its rate is limited
		m.resolve, // the endpoint as the registry has it; deleted, disabled or too late for it → dead
		m.agree,   // the receiver's consent, where the endpoint wants it asked
		m.load,    // the event's data, where the delivery does not carry it
		m.shelve,  // onto the queue from which it is pulled, where nothing is sent
		m.word,    // the body, by the endpoint's dialect
		m.sign,    // the headers that prove it
		m.send,    // the request and its answer, within the endpoint's timeout
		m.judge,   // what the answer means
	}
}

// stage does one step of an attempt. It returns the verdict, or nil to go on.
// An error means that the attempt says nothing of the delivery: it is given
// back.
type stage func(context.Context, *attempt) (*schemas.Outcome, error)

// attempt is one delivery's way through the stages.
type attempt struct {
	delivery *schemas.Delivery // set anew by load: an attempt holds the data, and a delivery that waits does not
	stopping <-chan struct{}   // closed when what has not begun is to be given back
	started  time.Time
	target   *Target         // set by resolve
	worded   dialect.Attempt // set by word
	body     []byte          // set by word
	header   http.Header     // set by sign
	response response        // set by send
	status   int             // set by send; 0 if no response came
	wait     string          // set by send: the response's Retry-After
	err      error           // set by send: why no response came
	made     bool            // set by send: a request was made, or refused
	span     requestSpan     // set by send
}

// Result is how an attempt ended.
type Result struct {
	Attempt  schemas.Attempt // the zero value if no request was made
	Outcome  schemas.Outcome
	Exchange *schemas.Exchange // nil if no request was made
	Span     trace.SpanContext // of the request; not valid if there is none
}

// Attempt makes one attempt. An error means that it says nothing of the delivery:
// it was cut off, had not begun when stopping was closed ([ErrStopping]), or must
// wait ([ErrPaused]). A delivery whose attempt crashes is attempted again at once, and
// dies if that does not help.
func (m *Maker) Attempt(ctx context.Context, delivery *schemas.Delivery, stopping <-chan struct{}) (result Result, err error) {
	c := crash.Bounded(func() {
		result, err = m.attempt(ctx, delivery, stopping)
	}, func(c *crash.Crash) {
		m.o.Log.ErrorContext(ctx, "attempt crashed", "delivery", delivery.ID, "endpoint", delivery.Endpoint, "crash", c)
	})
	if c != nil {
		return Result{Outcome: *dead(schemas.ReasonCrashed, c.Error())}, nil
	}
	return result, err
}

func (m *Maker) attempt(ctx context.Context, delivery *schemas.Delivery, stopping <-chan struct{}) (Result, error) {
	a := &attempt{delivery: delivery, stopping: stopping, started: time.Now()}
	defer a.span.end()
	for _, s := range m.stages {
		outcome, err := s(ctx, a)
		if err != nil {
			return Result{}, err
		}
		if outcome != nil {
			a.span.tell(a, *outcome)
			return Result{a.record(*outcome), *outcome, a.exchange(*outcome), a.span.Context()}, nil
		}
	}
	return Result{}, errors.New("the stages of the attempt end without a verdict")
}

// record is what the history says of the attempt; nothing if it ended before a
// request was made.
func (a *attempt) record(o schemas.Outcome) schemas.Attempt {
	if !a.made {
		return schemas.Attempt{}
	}
	return schemas.Attempt{
		Number:   a.delivery.Attempts + 1,
		At:       a.started.UTC(),
		Duration: schemas.Duration(time.Since(a.started)),
		Status:   a.status,
		Reason:   o.Cause,
		Detail:   o.Detail,
	}
}

// ErrPaused keeps a delivery waiting in its endpoint's held queue.
var ErrPaused = errors.New("the endpoint is paused, or new and in order")

// resolve finds the endpoint as it is now, not as it was when fanout matched.
func (m *Maker) resolve(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	id := a.delivery.Endpoint
	t := m.o.Targets.Get(id)
	if t == nil {
		var e schemas.Endpoint
		found := true
		err := persist.Do(ctx, m.o.Log, "fetch endpoint", func(ctx context.Context) (err error) {
			if e, err = m.o.Fetch(ctx, id); schemas.HasCode(err, schemas.CodeNotFound) {
				found, err = false, nil
			}
			return err
		})
		switch {
		case err != nil:
			return nil, err
		case !found:
			return dead(schemas.ReasonEndpointDeleted, "the endpoint was deleted before the delivery could be made"), nil
		}
		t = m.o.Targets.prepare(e)
		if t.FIFO() { // the lane could not know
			return nil, ErrPaused
		}
	}
	a.target = t
	switch {
	case t.endpoint.Tenant != a.delivery.Tenant: // the id was free, and another tenant chose it
		return dead(schemas.ReasonEndpointDeleted, "the endpoint was deleted before the delivery could be made"), nil
	case t.endpoint.Paused:
		return nil, ErrPaused
	}
	return t.verdictBefore(a.delivery), nil
}

// load gets the data of a delivery that is stored by reference.
func (m *Maker) load(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	whole, err := m.o.Load(ctx, a.delivery)
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return dead(schemas.ReasonEventExpired, err.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	a.delivery = whole
	return nil, nil
}

func (m *Maker) word(_ context.Context, a *attempt) (*schemas.Outcome, error) {
	e, eventType := a.target.endpoint, a.delivery.EventType()
	words, ok := m.o.Catalogue.Words(e.Tenant, e.Dialect, eventType)
	if !ok {
		return dead(schemas.ReasonUnworded, fmt.Sprintf("the dialect %s has no word for the event type %q: give it one in the catalogue, then replay", e.Dialect, eventType)), nil
	}
	a.worded = dialect.Attempt{Delivery: a.delivery, Words: words, At: a.started}
	body, err := a.target.writer.Body(a.worded)
	if err != nil {
		return dead(schemas.ReasonUnworded, err.Error()), nil
	}
	a.body = body
	return nil, nil
}

func (m *Maker) sign(_ context.Context, a *attempt) (*schemas.Outcome, error) {
	a.header = http.Header{"User-Agent": {m.o.UserAgent}}
	a.target.writer.Head(a.header, a.worded, a.body)
	if own := a.target.header; len(own) > 0 {
		a.header = dialect.Under(a.header, own)
	}
	return nil, nil
}

// send makes the request. The endpoint's timeout covers connecting, the
// request, and the response with its body.
func (m *Maker) send(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	a.made = true
	limited, cancel := context.WithTimeout(ctx, a.target.timeout)
	defer cancel()
	limited = m.beginRequest(limited, a)
	defer a.span.over()
	began := time.Now()
	r, err := m.o.Transport.RoundTrip(a.request(a.response.phases.In(limited)))
	if err == nil {
		a.status, a.response.header, a.response.head = r.StatusCode, r.Header, time.Since(began)
		a.span.proto = r.Proto
		a.wait = r.Header.Get("Retry-After")
		if a.status >= http.StatusOK { // what follows a 101 is no body, and has no end
			err = a.response.read(r.Body)
		}
		_ = r.Body.Close()
		a.response.whole = time.Since(began)
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx) // cut off by us, not by the receiver
	}
	if err != nil && limited.Err() != nil {
		err = limited.Err() // whatever it broke on the way out
	}
	a.err = err
	return nil, nil
}

func (a *attempt) request(ctx context.Context) *http.Request {
	r := &http.Request{
		Method:     http.MethodPost,
		URL:        a.target.url,
		Host:       a.target.url.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     a.header,
		Body:       http.NoBody, // anything else that is empty is sent in chunks
	}
	if len(a.body) > 0 {
		r.ContentLength = int64(len(a.body))
		r.Body = io.NopCloser(bytes.NewReader(a.body))
		// Lets the transport send again what a closing idle connection never took.
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(a.body)), nil }
	}
	return r.WithContext(ctx)
}

func (m *Maker) judge(_ context.Context, a *attempt) (*schemas.Outcome, error) {
	o := a.verdict(a.plan())
	return &o, nil
}

func (a *attempt) verdict(p retry.Plan) schemas.Outcome {
	return retry.Judge(retry.Result{Status: a.status, RetryAfter: a.wait, Err: a.err}, p)
}

func (a *attempt) plan() retry.Plan {
	return retry.Plan{
		Rules: a.target.rules, Schedule: a.target.schedule,
		Attempts: a.delivery.Attempts + 1, Now: time.Now(), Random: random(),
		Until: a.target.dies(a.delivery),
	}
}

func dead(reason schemas.Reason, detail string) *schemas.Outcome {
	return &schemas.Outcome{Kind: schemas.Dead, Reason: reason, Detail: detail}
}
