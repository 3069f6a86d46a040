package pipe

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/config/telemetry/sampling"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/goldentest"
	"github.com/tidings-dev/tidings/schemas/tracing"
	"github.com/tidings-dev/tidings/schemas/tracing/tracingtest"
)

// traced is the stages, not yet running, and the spans of them and of the test's
// producer.
type traced struct {
	*stages
	*tracingtest.Recorder
}

func newTraced(t *testing.T, root sdk.Sampler) traced {
	t.Helper()
	sampler, err := sampling.New(sampling.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	s := traced{prepareStages(t), tracingtest.New(t, sampler)}
	s.tracers = s.Provider()
	s.use(s.nc) // the publisher has them too
	return s
}

// run runs the stages until the test ends: the dispatcher after so long.
func (s traced) run(after time.Duration) {
	s.t.Helper()
	begin := func(stage func(*nats.Conn) func(context.Context, int) error) {
		nc := s.env.Connect()
		s.t.Cleanup(s.stages.run(nc, stage(nc)).stop)
	}
	begin(s.fanoutOn)
	<-time.After(after)
	begin(s.dispatcherOn)
}

// again replays the delivery of an event.
func (s traced) again(sequence uint64, to schemas.EndpointID) {
	s.t.Helper()
	js, err := jetstream.New(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	events, err := js.Stream(s.t.Context(), schemas.StreamEvents)
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := events.GetMsg(s.t.Context(), sequence)
	if err != nil {
		s.t.Fatal(err)
	}
	past, err := fanout.Past(catalogue.New(), m, testTenant)
	if err != nil {
		s.t.Fatal(err)
	}
	out, id := fanout.Message(s.env.Layout, past.To(to, &schemas.Replay{Asked: time.Now(), After: m.Time}))
	if _, err := js.PublishMsg(s.t.Context(), out, jetstream.WithMsgID(id)); err != nil {
		s.t.Fatal(err)
	}
}

// TestTraces shows each life of an event as a tree of spans.
func TestTraces(t *testing.T) {
	for _, tt := range []struct {
		name string
		ends int
		live func(traced)
	}{
		{"delivered", 2, func(s traced) {
			s.endpoint("ep_a", schemas.Policy{})
			s.endpoint("ep_b", schemas.Policy{})
			s.run(0)
			s.publish(s.t.Context(), "1")
		}},
		{"retried", 1, func(s traced) {
			s.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Hour)}})
			s.receiver.Play(dispatchertest.Status(503))
			s.run(0)
			s.publish(s.t.Context(), "1")
		}},
		{"dead", 2, func(s traced) {
			s.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{}})
			s.endpoint("ep_b", schemas.Policy{MaxPayload: 1}) // dies without a request
			s.receiver.Play(dispatchertest.Reset)
			s.run(0)
			s.publish(s.t.Context(), "1")
		}},
		{"many", tracing.Together + 1, func(s traced) {
			for i := range tracing.Together + 1 {
				s.endpoint(schemas.EndpointID(fmt.Sprintf("ep_%02d", i)), schemas.Policy{})
			}
			s.run(0)
			s.publish(s.t.Context(), "1")
		}},
		{"late", 1, func(s traced) {
			s.endpoint("ep_a", schemas.Policy{})
			s.publish(s.t.Context(), "1")
			<-time.After(tracing.Soon + time.Second)
			s.run(0)
		}},
		{"away", 1, func(s traced) { // the dispatcher is
			s.endpoint("ep_a", schemas.Policy{})
			go func() {
				<-time.After(time.Second)
				s.publish(s.t.Context(), "1")
			}()
			s.run(time.Minute)
		}},
		{"in_order", 2, func(s traced) { // a retry stays in its place, and the next behind it
			s.endpoint("ep_a", schemas.Policy{Order: schemas.OrderFIFO, Retry: []schemas.Duration{schemas.Duration(time.Minute)}})
			failed := false
			s.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
				if failed {
					return nil
				}
				failed = true
				return dispatchertest.Status(500)
			})
			s.run(0)
			s.publish(s.t.Context(), "1")
			s.publish(s.t.Context(), "2")
		}},
		{"consent", 1, func(s traced) {
			careful(s.pipe, schemas.Policy{})
			s.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
				if q.Method == http.MethodOptions {
					return dispatchertest.Status(200, "WebHook-Allowed-Origin", "*")
				}
				return nil
			})
			s.run(0)
			s.publish(s.t.Context(), "1")
		}},
		{"replayed", 2, func(s traced) {
			s.endpoint("ep_a", schemas.Policy{})
			s.run(0)
			s.publish(s.t.Context(), "1")
			<-time.After(time.Hour)
			s.again(1, "ep_a")
		}},
		{"history", 1, func(s traced) {
			s.putEndpoint("ep_a", "http://receiver.test/ep_a", schemas.Policy{})
			s.run(0)
			s.publish(s.t.Context(), "1")
			<-time.After(time.Hour)
			past := schemas.Subscription{
				ID: "sub_a", Tenant: testTenant, Endpoint: "ep_a", Types: []schemas.TypePattern{"*"},
				History: &schemas.History{State: schemas.HistoryReading},
			}
			if err := s.registry.PutSubscription(s.t.Context(), past); err != nil {
				s.t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTraced(t, nil)
				tt.live(s)
				s.ends(tt.ends)
				<-time.After(time.Second)
				goldentest.Check(t, filepath.Join("testdata", "traces", tt.name+".txt"), []byte(s.Tree()))
			})
		})
	}
}

// TestTracesOfApp has the event go by the express way, as fanout and dispatcher are
// one process.
func TestTracesOfApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := tracingtest.New(t, nil)
		p := startTracedPipe(t, r.Provider())
		p.endpoint("ep_a", schemas.Policy{})
		p.publish(t.Context(), "1")
		p.ends(1)
		<-time.After(time.Second)
		goldentest.Check(t, filepath.Join("testdata", "traces", "express.txt"), []byte(r.Tree()))
	})
}

// TestTracesOfDeadEvents: an event that becomes no deliveries shows in its trace, too.
func TestTracesOfDeadEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTraced(t, nil)
		s.run(0)
		m := nats.NewMsg(schemas.EventSubject(testTenant, "order.created"))
		m.Header.Set("traceparent", "not the event's")
		m.Data = []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"another.type","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}`)
		if err := s.nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		goldentest.Check(t, filepath.Join("testdata", "traces", "dead_event.txt"), []byte(s.Tree()))
	})
}

// TestSampledAsOne publishes many events of which the sampler takes some: each has
// all of its spans, retries included, or none.
func TestSampledAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 40
		s := newTraced(t, sdk.TraceIDRatioBased(0.5))
		s.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Hour)}})
		s.receiver.Play(dispatchertest.Status(503))
		s.run(0)
		for i := range events {
			s.publish(t.Context(), fmt.Sprint(i))
		}
		s.ends(events)
		<-time.After(time.Second)
		lives := map[string][]string{}
		for _, span := range s.Spans() {
			id := tracingtest.Attributes(span)["cloudevents.event_id"]
			lives[id] = append(lives[id], span.Name())
		}
		if len(lives) == 0 || len(lives) == events {
			t.Errorf("%d of %d events have spans", len(lives), events)
		}
		for id, spans := range lives {
			if len(spans) != 6 { // send, process, and a POST and a settle of each attempt
				t.Errorf("event %s has the spans %q", id, spans)
			}
		}
	})
}

// TestTraceParents: a receiver is told of the trace only if its endpoint asks for
// that, and each attempt has a context of its own.
func TestTraceParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTraced(t, nil)
		hour := []schemas.Duration{schemas.Duration(time.Hour)}
		s.endpoint("ep_told", schemas.Policy{Trace: true, Retry: hour})
		s.endpoint("ep_not", schemas.Policy{})
		failed := false
		s.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Path != "/ep_told" || failed {
				return nil
			}
			failed = true
			return dispatchertest.Status(500)
		})
		s.run(0)
		s.publish(t.Context(), "1")
		s.ends(2)
		if got := s.requests("ep_not")[0].Header.Get("traceparent"); got != "" {
			t.Errorf("who did not ask was told %q", got)
		}
		var posts []string
		for _, span := range s.Named(http.MethodPost) {
			if tracingtest.Attributes(span)["tidings.endpoint.id"] == "ep_told" {
				posts = append(posts, tracing.Parent(span.SpanContext()))
			}
		}
		for i, q := range s.requests("ep_told") {
			if got := q.Header.Get("traceparent"); i >= len(posts) || got != posts[i] {
				t.Errorf("request %d has traceparent %q, of the attempts %q", i+1, got, posts)
			}
		}
	})
}

// TestTracesThatPassThrough: without tracers, the event's own trace reaches whoever
// asks for it.
func TestTracesThatPassThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startStages(t)
		s.endpoint("ep_a", schemas.Policy{Trace: true})
		of := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
		s.publish(trace.ContextWithSpanContext(t.Context(), of), "1")
		s.ends(1)
		const want = "00-01000000000000000000000000000000-0200000000000000-01"
		if got := s.requests("ep_a")[0].Header.Get("traceparent"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// From a latency that is measured one gets to the attempt that took it.
func TestExemplarsLeadToAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		sampler, err := sampling.New(sampling.Options{})
		if err != nil {
			t.Fatal(err)
		}
		measured, err := telemetry.Setup(t.Context(), telemetry.Options{Scraped: true})
		if err != nil {
			t.Fatal(err)
		}
		spans, p := tracingtest.New(t, sampler), newPipe(t)
		p.settings = testSettings(t.TempDir())
		p.telemetry, p.tracers = measured, spans.Provider()
		p.start()
		t.Cleanup(p.stop)
		if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
			t.Fatal(err)
		}
		p.endpoint("ep_a", schemas.Policy{})
		p.publish(t.Context(), "1")
		p.ends(1)
		<-time.After(time.Second)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
		w := httptest.NewRecorder()
		measured.Metrics().ServeHTTP(w, r)
		want := `span_id="` + spans.Named(http.MethodPost)[0].SpanContext().SpanID().String() + `"`
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no exemplar has %s:\n%s", want, w.Body)
		}
	})
}
