package telemetry

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/otlptranslator"
)

// PrometheusName is the instrument's on /metrics. A histogram's series end in _bucket,
// _sum and _count beside.
func (i Instrument) PrometheusName() string {
	kinds := map[Kind]otlptranslator.MetricType{
		Counter: otlptranslator.MetricTypeMonotonicCounter, Gauge: otlptranslator.MetricTypeGauge, Histogram: otlptranslator.MetricTypeHistogram,
	}
	namer := otlptranslator.NewMetricNamer("", naming)
	name, err := namer.Build(otlptranslator.Metric{Name: i.Name, Unit: i.Unit, Type: kinds[i.Kind]})
	if err != nil {
		return "" // of a name without a letter
	}
	return name
}

// Reference is the text of deploy/metrics.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Metrics

All that a process of Tidings measures; [how to get it](README.md#watching-it) is told elsewhere. This page is made of the code: ` + "`go test ./config/telemetry -update`" + `.

Names are OpenTelemetry's, with Prometheus's below, where an attribute's dots are underscores too. Units are UCUM. The attribute ` + "`tidings.tenant`" + ` is there only with ` + "`--metrics-tenants N`" + `: the first N tenants that a process meets have series of their own, the others are ` + "`other`" + `. Series of single endpoints are those of the ` + "`--metrics-endpoints`" + ` that are worst off, by default 10. All other attributes have closed sets of values, so nobody can make more series by making more endpoints or tenants. Resource attributes (` + "`service.name`, `service.version`, `service.instance.id`" + `) are in ` + "`target_info`" + `.

| metric | kind | unit | attributes | meaning |
|---|---|---|---|---|
`)
	for _, i := range Instruments() {
		attributes := make([]string, len(i.Attributes))
		for n, a := range i.Attributes {
			attributes[n] = "`" + a + "`"
		}
		fmt.Fprintf(&b, "| `%s`<br>`%s` | %s | `%s` | %s | %s |\n", i.Name, i.PrometheusName(), i.Kind, i.Unit, strings.Join(attributes, ", "), i.Meaning)
	}
	b.WriteString("\n## Buckets\n\nUpper bounds, in seconds.\n\n| histogram | buckets |\n|---|---|\n")
	for _, i := range Instruments() {
		if i.Kind != Histogram {
			continue
		}
		bounds := make([]string, len(i.Buckets))
		for n, bound := range i.Buckets {
			bounds[n] = strconv.FormatFloat(bound, 'f', -1, 64)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", i.Name, strings.Join(bounds, " "))
	}
	return b.String()
}
