package telemetry_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/schemas"
)

// received is what an OTLP receiver was sent.
type received struct {
	mu        sync.Mutex // guards what follows
	names     []string   // of metrics and spans, and the bodies of logs
	resources []string   // "key=value"
	traces    []string   // trace ids of logs
	said      []string   // attributes of logs, "key=value"
}

func (r *received) resource(of *resourcepb.Resource) {
	for _, a := range of.GetAttributes() {
		r.resources = append(r.resources, a.GetKey()+"="+a.GetValue().GetStringValue())
	}
}

func (r *received) metrics(q *colmetrics.ExportMetricsServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range q.GetResourceMetrics() {
		r.resource(of.GetResource())
		for _, scope := range of.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				r.names = append(r.names, m.GetName()+" "+m.GetUnit())
			}
		}
	}
}

func (r *received) logs(q *collogs.ExportLogsServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range q.GetResourceLogs() {
		for _, scope := range of.GetScopeLogs() {
			for _, l := range scope.GetLogRecords() {
				r.names = append(r.names, l.GetBody().GetStringValue())
				r.traces = append(r.traces, string(l.GetTraceId()))
				r.say("", l.GetAttributes())
			}
		}
	}
}

// say notes attributes, those of groups too.
func (r *received) say(group string, attributes []*commonpb.KeyValue) {
	for _, a := range attributes {
		var text string
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_KvlistValue:
			r.say(group+a.GetKey()+".", v.KvlistValue.GetValues())
			continue
		case *commonpb.AnyValue_ArrayValue:
			for _, one := range v.ArrayValue.GetValues() {
				text += one.GetStringValue() + ";"
			}
		case *commonpb.AnyValue_IntValue:
			text = fmt.Sprintf("int %d", v.IntValue)
		case *commonpb.AnyValue_BoolValue:
			text = fmt.Sprintf("bool %t", v.BoolValue)
		case *commonpb.AnyValue_StringValue:
			text = v.StringValue
		}
		r.said = append(r.said, group+a.GetKey()+"="+text)
	}
}

func (r *received) spans(q *coltrace.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range q.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.names = append(r.names, s.GetName())
			}
		}
	}
}

// The services of OTLP over gRPC.
type (
	metricsService struct {
		colmetrics.UnimplementedMetricsServiceServer
		*received
	}
	logsService struct {
		collogs.UnimplementedLogsServiceServer
		*received
	}
	traceService struct {
		coltrace.UnimplementedTraceServiceServer
		*received
	}
)

func (s metricsService) Export(_ context.Context, q *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	s.metrics(q)
	return &colmetrics.ExportMetricsServiceResponse{}, nil
}

func (s logsService) Export(_ context.Context, q *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	s.logs(q)
	return &collogs.ExportLogsServiceResponse{}, nil
}

func (s traceService) Export(_ context.Context, q *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	s.spans(q)
	return &coltrace.ExportTraceServiceResponse{}, nil
}

// overGRPC starts a receiver, and returns its URL.
func (r *received) overGRPC(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	colmetrics.RegisterMetricsServiceServer(s, metricsService{received: r})
	collogs.RegisterLogsServiceServer(s, logsService{received: r})
	coltrace.RegisterTraceServiceServer(s, traceService{received: r})
	done := make(chan struct{})
	go func() { // ends when the server stops
		defer close(done)
		_ = s.Serve(listener)
	}()
	t.Cleanup(func() { s.Stop(); <-done })
	return "http://" + listener.Addr().String()
}

// overHTTP starts a receiver, and returns its URL.
func (r *received) overHTTP(t *testing.T) string {
	t.Helper()
	take := func(w http.ResponseWriter, q *http.Request) {
		body := io.Reader(q.Body)
		if q.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(body)
		}
		sent, err := io.ReadAll(body)
		if err != nil || q.Header.Get("Content-Type") != "application/x-protobuf" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m, l, s := &colmetrics.ExportMetricsServiceRequest{}, &collogs.ExportLogsServiceRequest{}, &coltrace.ExportTraceServiceRequest{}
		switch q.URL.Path {
		case "/v1/metrics":
			_ = proto.Unmarshal(sent, m)
			r.metrics(m)
		case "/v1/logs":
			_ = proto.Unmarshal(sent, l)
			r.logs(l)
		case "/v1/traces":
			_ = proto.Unmarshal(sent, s)
			r.spans(s)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}
	s := httptest.NewServer(http.HandlerFunc(take))
	t.Cleanup(s.Close)
	return s.URL
}

// TestOTLP sends all three signals to a receiver, by the variables alone.
func TestOTLP(t *testing.T) {
	for _, c := range []struct {
		protocol string
		start    func(*received, *testing.T) string
	}{
		{"grpc", (*received).overGRPC},
		{"http/protobuf", (*received).overHTTP},
	} {
		t.Run(c.protocol, func(t *testing.T) {
			var got received
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.start(&got, t))
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", c.protocol)
			t.Setenv("OTEL_SERVICE_NAME", "hooks")
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
			s := setup(t, telemetry.Options{Process: "p1", Version: "1.2.3"})
			ctx, span := s.Tracers().Tracer("t").Start(t.Context(), "a span")
			var written strings.Builder
			slog.New(s.Handler(slog.NewTextHandler(&written, nil))).With("tenant", "acme").InfoContext(ctx, "a record")
			span.End()
			d := delivered("acme")
			s.Recorder().Settled(&d)
			if err := s.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			got.mu.Lock()
			defer got.mu.Unlock()
			for _, name := range []string{"a span", "a record", "tidings.delivery.latency s", "tidings.attempts {attempt}", "go.memory.used By"} {
				if !slices.Contains(got.names, name) {
					t.Errorf("%q was not received", name)
				}
			}
			for _, of := range []string{"service.name=hooks", "service.version=1.2.3", "service.instance.id=p1", "deployment.environment.name=test"} {
				if !slices.Contains(got.resources, of) {
					t.Errorf("the resource lacks %s", of)
				}
			}
			if id := span.SpanContext().TraceID(); !slices.Contains(got.traces, string(id[:])) || !strings.Contains(written.String(), "trace_id="+id.String()) {
				t.Errorf("the log does not lead to the trace %s: %s", id, &written)
			}
			if t.Failed() {
				t.Log(got.names, got.resources)
			}
		})
	}
}

// TestOneSignal has one signal exported, and the others not.
func TestOneSignal(t *testing.T) {
	var got received
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", got.overHTTP(t)+"/v1/traces")
	s := setup(t, telemetry.Options{})
	if s.Measuring() {
		t.Error("metrics are exported too")
	}
	_, span := s.Tracers().Tracer("t").Start(t.Context(), "a span")
	span.End()
	if err := s.Shutdown(t.Context()); err != nil || !slices.Equal(got.names, []string{"a span"}) {
		t.Errorf("received %q, %v", got.names, err)
	}
}

// TestLogValues has values of types of ours arrive as the text log writes them: who looks
// for a delivery in a log backend has its id.
func TestLogValues(t *testing.T) {
	type ours int
	var got received
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", got.overHTTP(t)+"/v1/logs")
	s := setup(t, telemetry.Options{})
	var written strings.Builder
	log := slog.New(s.Handler(slog.NewTextHandler(&written, nil)))
	log = log.With("tenant", schemas.TenantID("acme"), slog.Group("of", "endpoint", schemas.EndpointID("ep_a"), "name", "plain"))
	log.WithGroup("attempt").InfoContext(t.Context(), "attempt", "delivery", schemas.DeliveryID("dlv_1"), "outcome", schemas.Dead, "reason", schemas.ReasonTimeout,
		"took", schemas.Duration(859061), "cause", fmt.Errorf("read: %w", errors.New("cut")), "state", ours(7), "yes", true, "status", 503,
		"secret", schemas.Secret{}, "endpoints", []schemas.EndpointID{"ep_a", "ep_b"}, "nobody", (*schemas.Error)(nil), "deep", slog.GroupValue(slog.Any("id", schemas.TenantID("e"))))
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"attempt.deep.id=e", "attempt.delivery=dlv_1", "attempt.endpoints=ep_a;ep_b;", "attempt.nobody=<nil>", "attempt.outcome=dead",
		"attempt.reason=timeout", "attempt.secret=<secret>", "attempt.state=int 7", "attempt.status=int 503", "attempt.took=859.061µs",
		"attempt.yes=bool true", "exception.message=read: cut", "exception.type=*errors.errorString",
		"of.endpoint=ep_a", "of.name=plain", "tenant=acme",
	}
	slices.Sort(got.said)
	if !slices.Equal(got.said, want) {
		t.Errorf("received %q\nwant     %q\nwritten  %s", got.said, want, &written)
	}
}

// TestNobodyListens has the pipe's process end in time all the same.
func TestNobodyListens(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			s := setup(t, telemetry.Options{Flush: 500 * time.Millisecond})
			d := delivered("acme")
			s.Recorder().Settled(&d)
			began := time.Now()
			if err := s.Shutdown(t.Context()); err == nil {
				t.Error("nobody listens, and nobody tells")
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s to end", took)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}
