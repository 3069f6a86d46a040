package sampling

import (
	"context"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas/tracing"
)

// at is a span context in a trace whose id the ratio 0.5 takes, or does not.
func at(taken, sampled, remote bool) trace.SpanContext {
	c := trace.SpanContextConfig{TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{1}, Remote: remote}
	if !taken {
		c.TraceID[8] = 0xff
	}
	if sampled {
		c.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(c)
}

func TestSampler(t *testing.T) {
	const client, producer, consumer = trace.SpanKindClient, trace.SpanKindProducer, trace.SpanKindConsumer
	half, all, none := sdk.TraceIDRatioBased(0.5), sdk.AlwaysSample(), sdk.NeverSample()
	var nothing trace.SpanContext
	for name, tt := range map[string]struct {
		root    sdk.Sampler
		trust   Trust
		kind    trace.SpanKind
		follows trace.SpanContext
		want    bool
	}{
		"nothing before it":                             {all, "", producer, nothing, true},
		"nothing before it, and none are":               {none, "", producer, nothing, false},
		"by default all are":                            {nil, "", producer, nothing, true},
		"an attempt at what is sampled":                 {none, "", client, at(false, true, true), true},
		"an attempt at what is not":                     {all, "", client, at(true, false, true), false},
		"in a span of this process":                     {none, "", consumer, at(false, true, false), true},
		"from a producer who samples":                   {nil, "", consumer, at(false, true, true), true},
		"from one who does not":                         {nil, "", consumer, at(false, false, true), false},
		"from one who samples more than the ratio":      {half, "", consumer, at(false, true, true), false},
		"from one who samples what the ratio does":      {half, "", consumer, at(true, true, true), true},
		"from one who samples less than the ratio":      {half, TrustFleet, producer, at(true, false, true), false},
		"untrusted, who samples all":                    {half, TrustNobody, consumer, at(false, true, true), false},
		"untrusted, who samples nothing":                {half, TrustNobody, consumer, at(true, false, true), true},
		"untrusted producers do not touch what is ours": {none, TrustNobody, client, at(false, true, true), true},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Options{Root: tt.root, Trust: tt.trust})
			if err != nil {
				t.Fatal(err)
			}
			decide := func(p sdk.SamplingParameters) bool {
				p.Kind, p.TraceID = tt.kind, trace.TraceID{1}
				if p.ParentContext == nil {
					p.ParentContext = context.Background()
				}
				return s.ShouldSample(p).Decision == sdk.RecordAndSample
			}
			if got := decide(sdk.SamplingParameters{ParentContext: trace.ContextWithSpanContext(context.Background(), tt.follows)}); got != tt.want {
				t.Errorf("a child: sampled is %t", got)
			}
			if !tt.follows.IsValid() {
				return
			}
			if got := decide(sdk.SamplingParameters{Links: []trace.Link{{SpanContext: tt.follows}}}); got != tt.want {
				t.Errorf("linked: sampled is %t", got)
			}
		})
	}
	s, err := New(Options{Root: half})
	if err != nil {
		t.Fatal(err)
	}
	brought := sdk.SamplingParameters{ParentContext: context.Background(), Name: tracing.NameSend, Kind: client, Links: []trace.Link{{SpanContext: at(false, true, true)}}}
	if s.ShouldSample(brought).Decision == sdk.RecordAndSample {
		t.Error("an event that brings a context is sampled beyond the ratio")
	}
	if _, err := New(Options{Trust: "friends"}); err == nil || !strings.Contains(err.Error(), `"friends"`) {
		t.Errorf("an unknown trust: %v", err)
	}
}

func TestNamed(t *testing.T) {
	for _, tt := range []struct{ name, argument, want string }{
		{"always_on", "", "AlwaysOnSampler"},
		{"parentbased_always_on", "", "AlwaysOnSampler"},
		{"parentbased_always_off", "", "AlwaysOffSampler"},
		{"traceidratio", "0.25", "TraceIDRatioBased{0.25}"},
		{"parentbased_traceidratio", "", "TraceIDRatioBased{1}"},
	} {
		s, err := Named(tt.name, tt.argument)
		if err != nil || s.Description() != tt.want {
			t.Errorf("%s %s: %v, %v", tt.name, tt.argument, s, err)
		}
	}
	if s, err := Named("", ""); s != nil || err != nil {
		t.Errorf("no name: %v, %v", s, err)
	}
	for _, tt := range [][2]string{{"sometimes", ""}, {"traceidratio", "2"}, {"traceidratio", "x"}} {
		if _, err := Named(tt[0], tt[1]); err == nil {
			t.Errorf("%q is taken", tt)
		}
	}
}
