package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// naming is how names become Prometheus's: dots are underscores, units and _total
// are endings.
var naming = otlptranslator.UnderscoreEscapingWithSuffixes

const (
	maxScrapes = 4 // at once
	scrapeTime = 10 * time.Second
)

// serveScrapes makes the handler of GET /metrics and what feeds it; neither unless
// [Options.Scraped]. Exemplars are in the OpenMetrics format only.
func (t *Telemetry) serveScrapes() (sdkmetric.Reader, error) {
	if !t.o.Scraped {
		return nil, nil
	}
	registry := prometheus.NewRegistry()
	exporter, err := promexporter.New(
		promexporter.WithRegisterer(registry), promexporter.WithTranslationStrategy(naming), promexporter.WithoutScopeInfo(),
	)
	if err != nil {
		return nil, err
	}
	t.scrape = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTime,
	})
	return exporter, nil
}

// Direct refuses what a proxy has passed on: it answers only those who ask this
// process itself, and is 404 to all others.
func Direct(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, passed := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
			if r.Header.Get(passed) != "" {
				http.NotFound(w, r)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}
