package processes

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// collector is a real one, as `make collector` builds it.
var collector = flag.String("collector", "", "OpenTelemetry collector with the receiver otlp and the exporter debug, to which TestCollector sends all signals")

// collectorConfig prints all that comes by OTLP, over either protocol.
const collectorConfig = `
receivers:
  otlp:
    protocols:
      grpc: {endpoint: %q}
      http: {endpoint: %q}
exporters:
  debug: {verbosity: detailed, use_internal_logger: false}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
    traces: {receivers: [otlp], exporters: [debug]}
`

// TestCollector has a process tell a real collector of a delivery and then end: what it
// measured and said is there, to the last.
func TestCollector(t *testing.T) {
	if *collector == "" {
		t.Skip("needs a collector: make collector")
	}
	program, err := filepath.Abs(*collector)
	if err != nil {
		t.Fatal(err)
	}
	tidings := build(t, "tidings")["tidings"]
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			overGRPC, overHTTP := freeAddress(t), freeAddress(t)
			file := filepath.Join(t.TempDir(), "collector.yaml")
			if err := os.WriteFile(file, fmt.Appendf(nil, collectorConfig, overGRPC, overHTTP), 0o600); err != nil {
				t.Fatal(err)
			}
			c := newProcess(t, "collector", program, "--config", "file:"+file)
			c.start()
			c.says("Everything is ready")
			r := startReceiver(t, nil)
			p := newProcess(t, "tidings", tidings, "run", "--data-dir", filepath.Join(t.TempDir(), "data"), "--nats-listen", "",
				"--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8", "--partitions", "4", "--shards", "2")
			to := map[string]string{"grpc": overGRPC, "http/protobuf": overHTTP}[protocol]
			p.env = append(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+to, "OTEL_EXPORTER_OTLP_PROTOCOL="+protocol, "OTEL_SERVICE_NAME=hooks")
			admin := adminOf(t, p.running())
			admin.call(http.MethodPost, "/v1/tenants", fields{"id": "shop", "name": "Shop"}, http.StatusCreated)
			e := admin.call(http.MethodPost, "/v1/tenants/shop/endpoints", fields{"name": "all", "url": "http://" + r.addr + "/ep"}, http.StatusCreated)
			admin.call(http.MethodPost, "/v1/tenants/shop/subscriptions", fields{"endpoint": e["id"], "types": []string{"order.*"}}, http.StatusCreated)
			admin.publish("one", "order.paid", `{"id":"one"}`)
			r.await("one")
			if code := p.terminate(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			for _, said := range []string{
				"service.name: Str(hooks)", "Name: tidings.deliveries.delivered", "Name: tidings.delivery.latency", "Unit: s",
				"Name: tidings.partitions.owned", "Body: Str(partitions assigned)",
			} {
				c.says(said)
			}
			if secret, _ := e["secret"].(string); secret == "" || strings.Contains(c.said(), secret) || strings.Contains(c.said(), admin.token) {
				t.Error("the collector was told a secret")
			}
		})
	}
}
