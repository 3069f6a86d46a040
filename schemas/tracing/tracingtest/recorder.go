package tracingtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Recorder keeps the spans that were sampled and have ended. It is safe for
// concurrent use.
type Recorder struct {
	sampler sdk.Sampler
	tb      testing.TB

	mu    sync.Mutex // guards what follows
	ended []sdk.ReadOnlySpan
}

// New makes a recorder; a nil sampler samples everything.
func New(tb testing.TB, sampler sdk.Sampler) *Recorder {
	if sampler == nil {
		sampler = sdk.AlwaysSample()
	}
	return &Recorder{sampler: sampler, tb: tb}
}

// Provider makes tracers like those of a process of its own.
func (r *Recorder) Provider() trace.TracerProvider {
	p := sdk.NewTracerProvider(sdk.WithSampler(r.sampler), sdk.WithSpanProcessor(processor{r}))
	r.tb.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

// Discard samples a ratio of the traces, and keeps nothing: for what spans cost.
func Discard(tb testing.TB, ratio float64) trace.TracerProvider {
	p := sdk.NewTracerProvider(sdk.WithSampler(sdk.TraceIDRatioBased(ratio)), sdk.WithSpanProcessor(discard{}))
	tb.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

// Spans are those that have ended so far.
func (r *Recorder) Spans() []sdk.ReadOnlySpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ended)
}

// Named are those of a name, in the order they ended.
func (r *Recorder) Named(name string) []sdk.ReadOnlySpan {
	return slices.DeleteFunc(r.Spans(), func(s sdk.ReadOnlySpan) bool { return s.Name() != name })
}

// processor does what an exporter would, at once and without a goroutine.
type processor struct{ r *Recorder }

func (processor) OnStart(context.Context, sdk.ReadWriteSpan) {}

func (p processor) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	p.r.ended = append(p.r.ended, s)
}

func (processor) Shutdown(context.Context) error   { return nil }
func (processor) ForceFlush(context.Context) error { return nil }

type discard struct{ processor }

func (discard) OnEnd(sdk.ReadOnlySpan) {}

// shown are the attributes that a tree has: those that tell what happened.
var shown = []attribute.Key{
	"tidings.endpoint.id", "tidings.deliveries", "http.request.resend_count", "http.response.status_code", "error.type",
	"tidings.outcome", "tidings.reason",
}

// Tree prints each trace: a line for each span with its kind and what
// it met, below its parent. What it is linked to is behind an arrow, with the number
// of its trace. Traces and children stand in the order they began; of those that began
// at once, clients' are last, and the others in the order of their text.
func (r *Recorder) Tree() string {
	t := tree{children: map[trace.SpanID][]sdk.ReadOnlySpan{}, names: map[trace.SpanID]string{}, number: map[trace.TraceID]int{}}
	var roots []sdk.ReadOnlySpan
	all := r.Spans()
	for _, s := range all {
		t.names[s.SpanContext().SpanID()] = s.Name()
	}
	for _, s := range all {
		if parent := s.Parent().SpanID(); t.names[parent] != "" {
			t.children[parent] = append(t.children[parent], s)
		} else {
			roots = append(roots, s)
		}
	}
	t.sort(roots)
	for _, root := range roots {
		if id := root.SpanContext().TraceID(); t.number[id] == 0 {
			t.number[id] = len(t.number) + 1
		}
	}
	var b strings.Builder
	for _, root := range roots {
		fmt.Fprintf(&b, "trace %d\n", t.number[root.SpanContext().TraceID()])
		t.print(&b, root, 1)
	}
	return b.String()
}

type tree struct {
	children map[trace.SpanID][]sdk.ReadOnlySpan
	names    map[trace.SpanID]string
	number   map[trace.TraceID]int
}

func (t tree) sort(spans []sdk.ReadOnlySpan) {
	slices.SortStableFunc(spans, func(a, b sdk.ReadOnlySpan) int {
		return cmp.Or(a.StartTime().Compare(b.StartTime()), cmp.Compare(rank(a), rank(b)), cmp.Compare(line(a), line(b)))
	})
}

func rank(s sdk.ReadOnlySpan) int {
	if s.SpanKind() == trace.SpanKindClient {
		return 1
	}
	return 0
}

func (t tree) print(b *strings.Builder, s sdk.ReadOnlySpan, depth int) {
	b.WriteString(strings.Repeat("  ", depth) + line(s))
	for _, link := range s.Links() {
		id := link.SpanContext
		fmt.Fprintf(b, " ⇢ %s of trace %d", cmp.Or(t.names[id.SpanID()], "a span elsewhere"), t.number[id.TraceID()])
	}
	if s.Parent().IsValid() && t.names[s.Parent().SpanID()] == "" {
		b.WriteString(" ← a span elsewhere")
	}
	b.WriteString("\n")
	children := t.children[s.SpanContext().SpanID()]
	t.sort(children)
	for _, child := range children {
		t.print(b, child, depth+1)
	}
}

// line is what a span says of itself.
func line(s sdk.ReadOnlySpan) string {
	parts := []string{s.Name(), "(" + s.SpanKind().String() + ")"}
	if s.Status().Code == codes.Error {
		parts = append(parts, "ERROR")
	}
	has := Attributes(s)
	for _, key := range shown {
		if value, ok := has[string(key)]; ok {
			name := string(key)[strings.LastIndexByte(string(key), '.')+1:]
			if key == "tidings.endpoint.id" {
				name = "endpoint"
			}
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, " ")
}

// Attributes are a span's, as text.
func Attributes(s sdk.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}
