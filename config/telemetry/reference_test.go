package telemetry_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/config/telemetry"
)

var update = flag.Bool("update", false, "write deploy/metrics.md anew")

func TestReference(t *testing.T) {
	const file = "../../deploy/metrics.md"
	got := telemetry.Reference()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("deploy/metrics.md is not what the code says; write it anew with -update (-page +code):\n%s", diff)
	}
}

func TestInstrumentsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range telemetry.Instruments() {
		switch {
		case i.PrometheusName() == "" || seen[i.PrometheusName()]:
			t.Errorf("%s: its Prometheus name %q is empty or another's", i.Name, i.PrometheusName())
		case i.Unit == "" || i.Meaning == "" || i.Kind == "":
			t.Errorf("%s: it lacks a unit, a meaning or a kind", i.Name)
		case (i.Kind == telemetry.Histogram) != (len(i.Buckets) > 0):
			t.Errorf("%s: a histogram has buckets, and nothing else has", i.Name)
		case len(i.Attributes) > 3:
			t.Errorf("%s: three attributes are the most that a key holds", i.Name)
		}
		seen[i.PrometheusName()] = true
	}
}
