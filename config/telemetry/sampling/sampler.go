package sampling

import (
	"fmt"
	"strconv"
	"strings"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas/tracing"
)

// Trust is how much the sampled flag counts that an event, or a request to the API,
// brings into the fleet.
type Trust string

const (
	// TrustFleet takes it: what is not sampled there is not here, and what is may be,
	// as the root sampler allows. It is the default.
	TrustFleet Trust = "fleet"
	// TrustNobody leaves it to the root sampler alone, for producers whose flags are
	// not to cost or hide anything.
	TrustNobody Trust = "nobody"
)

// Options is what a sampler needs to know. The zero value asks for the defaults.
type Options struct {
	// Root decides on what follows nothing, and bounds what producers ask for: all of
	// it by default. See [Named].
	Root sdk.Sampler
	// Trust in producers' flags: [TrustFleet] by default.
	Trust Trust
}

// Sampler is a [sdk.Sampler]. It is safe for concurrent use, as Root is.
type Sampler struct{ o Options }

// New makes a sampler, or says which trust is unknown.
func New(o Options) (*Sampler, error) {
	switch o.Trust {
	case "":
		o.Trust = TrustFleet
	case TrustFleet, TrustNobody:
	default:
		return nil, fmt.Errorf("trust in producers' sampling %q is unknown: use %q or %q", o.Trust, TrustFleet, TrustNobody)
	}
	if o.Root == nil {
		o.Root = sdk.AlwaysSample()
	}
	return &Sampler{o}, nil
}

// ShouldSample is [sdk.Sampler]'s.
func (s *Sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	follows := parent
	if !follows.IsValid() && len(p.Links) > 0 {
		follows = p.Links[0].SpanContext
	}
	switch {
	case !follows.IsValid():
		return s.o.Root.ShouldSample(p)
	case follows.IsRemote() && enters(p):
		return s.entering(p, follows)
	}
	return decided(follows.IsSampled(), parent)
}

// enters tells of the spans that an event or a request comes in with, among them the
// send of an event that brought a context, a client's span: those of attempts and
// settling follow the fleet's own.
func enters(p sdk.SamplingParameters) bool {
	return p.Kind != trace.SpanKindClient || p.Name == tracing.NameSend
}

// entering asks the root sampler about the trace that a span comes from, even if it
// is only linked to that, so that whoever asks about that trace hears the same.
func (s *Sampler) entering(p sdk.SamplingParameters, from trace.SpanContext) sdk.SamplingResult {
	if s.o.Trust == TrustFleet && !from.IsSampled() {
		return decided(false, trace.SpanContextFromContext(p.ParentContext))
	}
	p.TraceID = from.TraceID()
	return s.o.Root.ShouldSample(p)
}

func decided(sampled bool, parent trace.SpanContext) sdk.SamplingResult {
	r := sdk.SamplingResult{Decision: sdk.Drop, Tracestate: parent.TraceState()}
	if sampled {
		r.Decision = sdk.RecordAndSample
	}
	return r
}

// Description is [sdk.Sampler]'s.
func (s *Sampler) Description() string {
	return fmt.Sprintf("Tidings{root:%s,trust:%s}", s.o.Root.Description(), s.o.Trust)
}

// Named is the root sampler of OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. The
// parent-based ones are like the others here, as [Sampler] asks parents itself. An
// empty name is nil, the default; an empty argument is 1.
func Named(name, argument string) (sdk.Sampler, error) {
	switch strings.TrimPrefix(name, "parentbased_") {
	case "":
		return nil, nil //nolint:nilnil // which is the default of Options.Root
	case "always_on":
		return sdk.AlwaysSample(), nil
	case "always_off":
		return sdk.NeverSample(), nil
	case "traceidratio":
		if argument == "" {
			return sdk.TraceIDRatioBased(1), nil
		}
		ratio, err := strconv.ParseFloat(argument, 64)
		if err != nil || ratio < 0 || ratio > 1 {
			return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG %q: use a ratio from 0 to 1, like \"0.01\"", argument)
		}
		return sdk.TraceIDRatioBased(ratio), nil
	}
	return nil, fmt.Errorf("OTEL_TRACES_SAMPLER %q is unknown: use always_on, always_off or traceidratio, each with parentbased_ before it or not", name)
}
