package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup is telemetry without anything in the environment.
func setup(t testing.TB, o telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	s, err := telemetry.Setup(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return s
}

// scrape is what /metrics shows, in a format of Prometheus.
func scrape(t testing.TB, s *telemetry.Telemetry, accept string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	s.Metrics().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("GET /metrics: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

const (
	plain       = "text/plain"
	openMetrics = "application/openmetrics-text;version=1.0.0"
)

func span(flags trace.TraceFlags) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    trace.TraceID{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c},
		SpanID:     trace.SpanID{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31},
		TraceFlags: flags, Remote: true,
	})
}

// delivered is an attempt that succeeded 3 s after its event was accepted.
func delivered(tenant schemas.TenantID) telemetry.Settled {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return telemetry.Settled{
		Tenant: tenant, Accepted: at, Kind: schemas.Delivered, Reason: schemas.ReasonOK, Span: span(trace.FlagsSampled),
		Attempt: schemas.Attempt{Number: 1, At: at.Add(2 * time.Second), Duration: schemas.Duration(time.Second), Status: 200, Reason: schemas.ReasonOK},
		Timings: schemas.Timings{DNS: schemas.Duration(3 * time.Millisecond), FirstByte: schemas.Duration(900 * time.Millisecond)},
	}
}

func want(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(page, line) {
			t.Errorf("the page lacks %q", line)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestWhatIsRecordedIsShown(t *testing.T) {
	s := setup(t, telemetry.Options{Scraped: true, Version: "1.2.3"})
	r := s.Recorder()
	r.Published("acme", 5, 2, nil)
	r.Published("acme", 0, 0, schemas.Errorf(schemas.CodeTooMany, "wait"))
	r.Published("acme", 0, 0, errors.New("of no code"))
	told := 0
	journal := r.Journal(func(_ schemas.TenantID, _ schemas.Record, written func()) { told++; written() })
	for _, e := range []schemas.EventRecord{
		{Accepted: time.Now().Add(-2 * time.Second), Endpoints: []schemas.EndpointID{"ep_1", "ep_2"}},
		{Accepted: time.Now()},
		{Accepted: time.Now(), Dead: schemas.ReasonSchemaInvalid},
		{Accepted: time.Now().Add(-time.Hour), Late: true, Endpoints: []schemas.EndpointID{"ep_3"}},
	} {
		journal("acme", schemas.Record{Event: &e}, func() {})
	}
	if told != 4 {
		t.Errorf("the journal was told of %d of 4 records", told)
	}
	d := delivered("acme")
	r.Settled(&d)
	late := d
	late.Late = true // counted, and not in the latency
	r.Settled(&late)
	pulled := d
	pulled.Pulled = true // counted, and not timed
	r.Settled(&pulled)
	d.Attempt.Number = 3
	r.Settled(&d)
	d.Kind, d.Reason, d.Attempt.Reason = schemas.Retry, schemas.ReasonServerError, schemas.ReasonServerError
	r.Settled(&d)
	r.Settled(&telemetry.Settled{Tenant: "acme", Kind: schemas.Dead, Reason: schemas.ReasonQueueFull})
	r.Refused("loopback (RFC 1122)")
	want(t, scrape(t, s, plain),
		`tidings_events_accepted_total{tidings_door="http"} 3`,
		`tidings_events_repeated_total{tidings_door="http"} 2`,
		`tidings_events_rejected_total{tidings_code="too_many",tidings_door="http"} 1`,
		`tidings_events_rejected_total{tidings_code="internal",tidings_door="http"} 1`,
		`tidings_events_matched_total 1`, `tidings_events_unmatched_total 1`,
		`tidings_events_dead_total{tidings_reason="schema_invalid"} 1`,
		`tidings_deliveries_made_total 3`,
		`tidings_fanout_latency_seconds_bucket{le="1"} 1`, `tidings_fanout_latency_seconds_count 2`,
		`tidings_attempts_total{tidings_outcome="delivered",tidings_reason="ok"} 4`,
		`tidings_attempts_total{tidings_outcome="retry",tidings_reason="server_error"} 1`,
		`tidings_deliveries_delivered_total 4`,
		`tidings_deliveries_retried_total{tidings_reason="server_error"} 1`,
		`tidings_deliveries_dead_total{tidings_reason="queue_full"} 1`,
		`tidings_attempt_duration_seconds_bucket{tidings_outcome="delivered",le="1"} 3`,
		`tidings_attempt_phase_duration_seconds_bucket{tidings_phase="dns",le="0.005"} 4`,
		`tidings_delivery_latency_seconds_bucket{tidings_attempt="first",le="5"} 1`,
		`tidings_delivery_latency_seconds_count{tidings_attempt="later"} 1`,
		`tidings_egress_refused_total{tidings_egress_refusal="loopback (RFC 1122)"} 1`,
		`tidings_build_info{tidings_go_version="go`, `go_goroutine_count `, `go_memory_used_bytes `,
		`service_name="tidings",service_version="1.2.3"`)
}

func TestExemplarsLeadToTraces(t *testing.T) {
	s := setup(t, telemetry.Options{Scraped: true})
	d := delivered("acme")
	s.Recorder().Settled(&d)
	const exemplar = `# {span_id="b7ad6b7169203331",trace_id="0af7651916cd43dd8448eb211c80319c"} 3.0`
	if page := scrape(t, s, openMetrics); !strings.Contains(page, exemplar) && !strings.Contains(page, `# {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 3.0`) {
		t.Errorf("no exemplar of the latency:\n%s", page)
	}
	if page := scrape(t, s, plain); strings.Contains(page, "trace_id") {
		t.Errorf("the plain format has exemplars:\n%s", page)
	}
	for _, not := range []trace.SpanContext{{}, span(0)} {
		s := setup(t, telemetry.Options{Scraped: true})
		d.Span = not
		s.Recorder().Settled(&d)
		if page := scrape(t, s, openMetrics); strings.Contains(page, "trace_id") {
			t.Errorf("%+v became an exemplar", not)
		}
	}
}

func TestTenantsAreBounded(t *testing.T) {
	s := setup(t, telemetry.Options{Scraped: true, Tenants: 2})
	for _, tenant := range []schemas.TenantID{"a", "b", "c", "d", "a"} {
		d := delivered(tenant)
		s.Recorder().Settled(&d)
	}
	page := scrape(t, s, plain)
	want(t, page,
		`tidings_deliveries_delivered_total{tidings_tenant="a"} 2`,
		`tidings_deliveries_delivered_total{tidings_tenant="b"} 1`,
		`tidings_deliveries_delivered_total{tidings_tenant="other"} 2`)
	if strings.Contains(page, `"c"`) {
		t.Error("a third tenant has a series of its own")
	}
}

func TestBacklogs(t *testing.T) {
	now := time.Now()
	backlogs := []telemetry.Backlog{
		{Endpoint: "ep_1", Tenant: "a", Held: 5, Oldest: now.Add(-time.Minute)},
		{Endpoint: "ep_2", Tenant: "a", Held: 9, Oldest: now.Add(-time.Hour)},
		{Endpoint: "ep_3", Tenant: "b", Held: 7, Oldest: now.Add(-time.Second)},
		{Endpoint: "ep_4", Tenant: "b"},
	}
	for _, c := range []struct {
		name  string
		o     telemetry.Options
		lines []string
		count int // of series of endpoints
	}{
		{"by default", telemetry.Options{}, []string{"tidings_deliveries_oldest_age_seconds 36"}, 0},
		{"two endpoints", telemetry.Options{Endpoints: 2}, []string{
			`tidings_endpoint_held{tidings_endpoint="ep_2"} 9`, `tidings_endpoint_held{tidings_endpoint="ep_3"} 7`,
			`tidings_endpoint_oldest_age_seconds{tidings_endpoint="ep_2"} 36`, `tidings_endpoint_oldest_age_seconds{tidings_endpoint="ep_1"} 6`,
		}, 4},
		{"tenants", telemetry.Options{Tenants: 1}, []string{
			`tidings_deliveries_oldest_age_seconds{tidings_tenant="a"} 36`, `tidings_deliveries_oldest_age_seconds{tidings_tenant="other"} 1`,
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Scraped = true
			s := setup(t, c.o)
			if err := s.WatchBacklogs(func() []telemetry.Backlog { return backlogs }); err != nil {
				t.Fatal(err)
			}
			if err := s.WatchPulled(func() []telemetry.Backlog { return backlogs }); err != nil {
				t.Fatal(err)
			}
			page := scrape(t, s, plain)
			want(t, page, c.lines...)
			want(t, page, "tidings_pull_waiting 21", "tidings_pull_endpoints 3")
			for _, line := range c.lines { // those that are pulled from have the same of their own
				want(t, page, strings.NewReplacer("tidings_deliveries_", "tidings_pull_", "tidings_endpoint_held", "tidings_pull_endpoint_waiting", "tidings_endpoint_oldest", "tidings_pull_endpoint_oldest").Replace(line))
			}
			if n := strings.Count(page, "{tidings_endpoint="); n != 2*c.count {
				t.Errorf("%d series of endpoints, want %d", n, c.count)
			}
		})
	}
}

func TestOnlyWhatIsWatchedIsWatched(t *testing.T) {
	s := telemetry.None()
	for _, name := range []string{"tidings.attempts", "no.such"} {
		if err := s.Watch(name, func(telemetry.Observe) {}); err == nil {
			t.Errorf("%s can be watched", name)
		}
	}
}

func TestNothingIsExportedByDefault(t *testing.T) {
	for _, s := range []*telemetry.Telemetry{telemetry.None(), setup(t, telemetry.Options{})} {
		if s.Measuring() || s.Metrics() != nil {
			t.Error("somebody measures")
		}
		if _, span := s.Tracers().Tracer("t").Start(t.Context(), "s"); span.IsRecording() {
			t.Error("somebody traces")
		}
		d := delivered("acme")
		s.Recorder().Settled(&d)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_METRICS_EXPORTER": "statsd", "OTEL_TRACES_EXPORTER": "zipkin", "OTEL_LOGS_EXPORTER": "file",
		"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "smoke", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_RESOURCE_ATTRIBUTES": "no-equals-sign",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(name, value)
			_, err := telemetry.Setup(t.Context(), telemetry.Options{})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v, want one that names %s", err, name)
			}
		})
	}
}

func TestLogsCarryTheTrace(t *testing.T) {
	var said bytes.Buffer
	log := slog.New(telemetry.None().Handler(slog.NewTextHandler(&said, nil)))
	id, _ := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	span, _ := trace.SpanIDFromHex("b7ad6b7169203331")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span}))
	log.With("a", 1).InfoContext(ctx, "inside")
	log.InfoContext(t.Context(), "outside")
	lines := strings.Split(said.String(), "\n")
	if !strings.Contains(lines[0], "a=1 trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331") {
		t.Errorf("in a span: %s", lines[0])
	}
	if strings.Contains(lines[1], "trace_id") {
		t.Errorf("in none: %s", lines[1])
	}
}

func TestDirectAnswersNoProxy(t *testing.T) {
	h := telemetry.Direct(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for header, status := range map[string]int{"X-Forwarded-For": 404, "Forwarded": 404, "Via": 404, "Accept": 204} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set(header, "x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("with %s: %d, want %d", header, w.Code, status)
		}
	}
}

func BenchmarkSettled(b *testing.B) {
	for name, s := range map[string]*telemetry.Telemetry{
		"nobody": telemetry.None(), "prometheus": setup(b, telemetry.Options{Scraped: true}), "tenants": setup(b, telemetry.Options{Scraped: true, Tenants: 10}),
	} {
		b.Run(name, func(b *testing.B) {
			d := delivered("acme")
			d.Span = trace.SpanContext{}
			b.ReportAllocs()
			for b.Loop() {
				s.Recorder().Settled(&d)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/6, "ns/recording")
		})
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	s := setup(t, telemetry.Options{Scraped: true, Tenants: 10})
	d := delivered("acme")
	d.Span = trace.SpanContext{}
	if n := testing.AllocsPerRun(100, func() { s.Recorder().Settled(&d) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
