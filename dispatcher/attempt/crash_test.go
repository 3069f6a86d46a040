package attempt

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/crash"
)

// An attempt that crashes is made again, and its delivery dies if that does not help.
func TestAttemptsThatCrash(t *testing.T) {
	for crashes, want := range map[int]schemas.Reason{0: schemas.ReasonOK, crash.Times - 1: schemas.ReasonOK, crash.Times: schemas.ReasonCrashed} {
		e, targets, made := testEndpoint(), NewTargets(), 0
		targets.Apply(schemas.Change{Endpoint: &e})
		m := New(Options{
			Targets: targets, Catalogue: catalogue.New(), Log: slog.New(slog.DiscardHandler),
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				if made++; made <= crashes {
					panic("a defect")
				}
				return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
			}),
			Load: func(_ context.Context, d *schemas.Delivery) (*schemas.Delivery, error) { return d, nil },
		})
		d := &schemas.Delivery{ID: schemas.NewDeliveryID(time.Unix(1, 0), 7, "ep_a"), Tenant: "acme", Endpoint: "ep_a", Data: []byte("{}")}
		result, err := m.Attempt(t.Context(), d, nil)
		o := result.Outcome
		if err != nil || o.Reason != want {
			t.Errorf("after %d crashes: %+v, %v; want %s", crashes, o, err, want)
		}
		if want == schemas.ReasonCrashed && (o.Kind != schemas.Dead || !strings.Contains(o.Detail, "crash_test.go")) {
			t.Errorf("it died as %+v", o)
		}
	}
}
