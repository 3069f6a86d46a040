package telemetry

import (
	"os"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tidings-dev/tidings/config/telemetry/sampling"
	"github.com/tidings-dev/tidings/schemas"
)

// signal is one of those that OpenTelemetry's variables speak of.
type signal string

const (
	metrics signal = "METRICS"
	traces  signal = "TRACES"
	logs    signal = "LOGS"
)

// protocol is how OTLP is spoken; empty if the signal is not exported.
type protocol string

const (
	overGRPC protocol = "grpc"
	overHTTP protocol = "http/protobuf"
)

// exported tells from the environment how a signal is exported (OpenTelemetry
// specification, "Environment Variable Specification" and "Protocol Exporter"). It
// differs in one default: where OTEL_…_EXPORTER is unset, OTLP has to be asked for by
// an endpoint. The rest of OTEL_EXPORTER_OTLP_… is read by the exporters themselves.
func exported(s signal) (protocol, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return "", nil
	}
	name := "OTEL_" + string(s) + "_EXPORTER"
	switch exporter := strings.TrimSpace(os.Getenv(name)); exporter {
	case "otlp":
	case "none":
		return "", nil
	case "":
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_"+string(s)+"_ENDPOINT") == "" {
			return "", nil
		}
	default:
		return "", schemas.Errorf(schemas.CodeInvalid, "environment variable %s is %q: use otlp or none (Prometheus is served on /metrics without it: --metrics-addr)", name, exporter)
	}
	name = "OTEL_EXPORTER_OTLP_" + string(s) + "_PROTOCOL"
	spoken := os.Getenv(name)
	if spoken == "" {
		name = "OTEL_EXPORTER_OTLP_PROTOCOL"
		spoken = os.Getenv(name)
	}
	switch p := protocol(spoken); p {
	case "":
		return overHTTP, nil
	case overGRPC, overHTTP:
		return p, nil
	}
	return "", schemas.Errorf(schemas.CodeInvalid, "environment variable %s is %q: use grpc or http/protobuf", name, spoken)
}

// sampled is what decides on spans: at the root OTEL_TRACES_SAMPLER, all by default.
func sampled(trust sampling.Trust) (sdktrace.Sampler, error) {
	root, err := sampling.Named(os.Getenv("OTEL_TRACES_SAMPLER"), os.Getenv("OTEL_TRACES_SAMPLER_ARG"))
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "environment variable OTEL_TRACES_SAMPLER: %w", err)
	}
	return sampling.New(sampling.Options{Root: root, Trust: trust})
}
