package processes

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// known are the metrics of deploy/metrics.md: their kinds by Prometheus name.
func known(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../../deploy/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `[a-z_.]+`<br>`([a-z_]+)` \\| ([a-z]+) \\|")
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		kinds[m[1]] = m[2]
	}
	if len(kinds) < 30 {
		t.Fatalf("deploy/metrics.md has %d metrics: its rows are written otherwise", len(kinds))
	}
	return kinds
}

// metrics are a page of Prometheus's: kinds by name, and all lines.
type metrics struct {
	kinds map[string]string
	lines []string
}

func getMetrics(t *testing.T, addr string) metrics {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(answer.Body)
		t.Fatalf("GET /metrics: %s %s", answer.Status, body)
	}
	m := metrics{kinds: map[string]string{}}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		var name, kind string
		if n, _ := fmt.Sscanf(lines.Text(), "# TYPE %s %s", &name, &kind); n == 2 {
			m.kinds[name] = kind
		}
		m.lines = append(m.lines, lines.Text())
	}
	return m
}

// value is that of the series that begins so; -1 if there is none.
func (m metrics) value(series string) float64 {
	for _, line := range m.lines {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			_, _ = fmt.Sscan(rest, &v)
			return v
		}
	}
	return -1
}

// awaitMetrics waits until series have these values; of retries, which go on, at least.
func awaitMetrics(t *testing.T, addr string, wanted map[string]float64) (seen metrics) {
	t.Helper()
	var missing []string
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) { //nolint:forbidigo // a process outside is asked again
		seen, missing = getMetrics(t, addr), nil
		for series, v := range wanted {
			if got := seen.value(series); got != v && !(v > 0 && got > v && strings.Contains(series, "retry")) {
				missing = append(missing, fmt.Sprintf("%s is %v, want %v", series, got, v))
			}
		}
		if len(missing) == 0 {
			break
		}
	}
	if len(missing) > 0 {
		t.Errorf("%s\n\n%s", strings.Join(missing, "\n"), strings.Join(seen.lines, "\n"))
	}
	return seen
}

// TestMetricsOfAProcess has a process accept, match, deliver, fail and refuse, and
// holds what it shows to the page that describes it.
func TestMetricsOfAProcess(t *testing.T) {
	r := startReceiver(t, nil)
	p := newProcess(t, "tidings", build(t, "tidings")["tidings"], "run", "--data-dir", filepath.Join(t.TempDir(), "data"), "--nats-listen", "",
		"--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8", "--egress-ports", "1,"+r.addr[strings.LastIndex(r.addr, ":")+1:], "--partitions", "4", "--shards", "2", "--metrics-tenants", "1")
	admin := adminOf(t, p.running())
	admin.call(http.MethodPost, "/v1/tenants", fields{"id": "shop", "name": "Shop"}, http.StatusCreated)
	for name, url := range map[string]string{"works": "http://" + r.addr + "/ep", "down": "http://127.0.0.1:1/"} {
		e := admin.call(http.MethodPost, "/v1/tenants/shop/endpoints", fields{"name": name, "url": url}, http.StatusCreated)
		admin.call(http.MethodPost, "/v1/tenants/shop/subscriptions", fields{"endpoint": e["id"], "types": []string{"order.*"}}, http.StatusCreated)
	}
	shop := admin
	shop.publish("one", "order.paid", `{"id":"one"}`)
	shop.publish("none", "stock.moved", `{"id":"none"}`)
	r.await("one")
	addr := strings.TrimPrefix(admin.base, "http://")

	wanted := map[string]float64{
		`tidings_events_accepted_total{tidings_door="http",tidings_tenant="shop"}`:                       2,
		`tidings_events_matched_total{tidings_tenant="shop"}`:                                            1,
		`tidings_events_unmatched_total{tidings_tenant="shop"}`:                                          1,
		`tidings_deliveries_made_total{tidings_tenant="shop"}`:                                           2,
		`tidings_deliveries_delivered_total{tidings_tenant="shop"}`:                                      1,
		`tidings_attempts_total{tidings_outcome="retry",tidings_reason="connect",tidings_tenant="shop"}`: 1,
		`tidings_delivery_latency_seconds_count{tidings_attempt="first"}`:                                1,
		`tidings_partitions`:                                                    4,
		`tidings_partitions_owned{tidings_role="fanout"}`:                       4,
		`tidings_partitions_owned{tidings_role="dispatcher"}`:                   4,
		`tidings_registry_objects{tidings_kind="endpoints"}`:                    2,
		`tidings_broker_connected{tidings_connection="dispatcher"}`:             1,
		`tidings_consumer_pending{tidings_partition="3",tidings_role="fanout"}`: 0,
		`tidings_attempts_in_flight`:                                            0,
		`tidings_log_dropped_total`:                                             0,
	}
	seen := awaitMetrics(t, addr, wanted)
	kinds := known(t)
	for name, kind := range seen.kinds {
		if name != "target_info" && kinds[name] != kind {
			t.Errorf("%s is a %s, and in deploy/metrics.md %q", name, kind, kinds[name])
		}
	}
	// What did not happen here has no series.
	unseen := []string{"tidings_events_repeated_total", "tidings_events_rejected_total", "tidings_events_dead_total", "tidings_deliveries_dead_total", "tidings_egress_refused_total", "tidings_broker_storage_limit_bytes", "tidings_endpoint_held", "tidings_endpoint_oldest_age_seconds", "tidings_pull_oldest_age_seconds", "tidings_pull_endpoint_waiting", "tidings_pull_endpoint_oldest_age_seconds"}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if seen.kinds[name] == "" && !slices.Contains(unseen, name) {
			t.Errorf("%s is in deploy/metrics.md, and the process does not show it", name)
		}
	}
}

// metricsStatus is that of GET /metrics at an address.
func metricsStatus(t *testing.T, addr string, header http.Header) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header = header
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// TestMetricsHaveAnAddressOfTheirOwn keeps them from who may call the API.
func TestMetricsHaveAnAddressOfTheirOwn(t *testing.T) {
	program := build(t, "tidings")["tidings"]
	start := func(args ...string) (p *process, http string) {
		p = newProcess(t, "tidings", append([]string{
			program, "run", "--data-dir", filepath.Join(t.TempDir(), "data"), "--nats-listen", "",
			"--http-addr", "127.0.0.1:0", "--partitions", "1", "--shards", "1",
		}, args...)...)
		return p, field(p.running().says("msg=running"), "http")
	}
	none := http.Header{}
	p, addr := start("--metrics-addr", "127.0.0.1:0")
	if own := field(p.says("metrics served"), "addr"); metricsStatus(t, own, none) != http.StatusOK {
		t.Error("not at their own address")
	}
	if got := metricsStatus(t, addr, none); got != http.StatusNotFound {
		t.Errorf("and beside the API too: %d", got)
	}
	p.terminate()
	_, addr = start()
	if got := metricsStatus(t, addr, none); got != http.StatusOK {
		t.Errorf("on loopback: %d", got)
	}
	if got := metricsStatus(t, addr, http.Header{"X-Forwarded-For": {"203.0.113.9"}}); got != http.StatusNotFound {
		t.Errorf("to a proxy's client: %d", got)
	}
	_, addr = start("--metrics-addr", "none")
	if got := metricsStatus(t, addr, none); got != http.StatusNotFound {
		t.Errorf("although there shall be none: %d", got)
	}
	_, addr = start("--public-url", "https://hooks.example.com")
	if got := metricsStatus(t, addr, none); got != http.StatusNotFound {
		t.Errorf("although receivers reach it: %d", got)
	}
}
