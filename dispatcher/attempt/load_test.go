package attempt

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return r(q) }

func TestLoad(t *testing.T) {
	broken := errors.New("cut off")
	for name, tt := range map[string]struct {
		policy schemas.Policy
		err    error
		want   schemas.Reason // or an error
		loads  int
	}{
		"there":     {schemas.Policy{MaxPayload: 5000}, nil, schemas.ReasonOK, 1},
		"expired":   {schemas.Policy{}, schemas.Errorf(schemas.CodeNotFound, "publish it again"), schemas.ReasonEventExpired, 1},
		"too large": {schemas.Policy{MaxPayload: 4999}, nil, schemas.ReasonTooLarge, 0}, // it is not read
		"unknown":   {schemas.Policy{}, broken, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := testEndpoint()
			e.Policy = tt.policy
			targets, loads, posted := NewTargets(), 0, int64(0)
			targets.Apply(schemas.Change{Endpoint: &e})
			m := New(Options{
				Targets: targets, Catalogue: catalogue.New(), UserAgent: "Tidings",
				Load: func(_ context.Context, d *schemas.Delivery) (*schemas.Delivery, error) {
					loads++
					whole := *d
					whole.Data, whole.Reference = make([]byte, d.Reference), 0
					return &whole, tt.err
				},
				Transport: roundTrip(func(q *http.Request) (*http.Response, error) {
					posted = q.ContentLength
					return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
				}),
			})
			d := &schemas.Delivery{ID: schemas.NewDeliveryID(time.Unix(1, 0), 7, "ep_a"), Tenant: "acme", Endpoint: "ep_a", Reference: 5000}
			result, err := m.Attempt(t.Context(), d, nil)
			o := result.Outcome
			if o.Reason != tt.want || (tt.want == "") != errors.Is(err, broken) || loads != tt.loads {
				t.Errorf("got %+v, %v after %d loads", o, err, loads)
			}
			if delivered := tt.want == schemas.ReasonOK; delivered != (posted > 5000) {
				t.Errorf("%d bytes were posted", posted)
			}
			if tt.want == schemas.ReasonEventExpired && (o.Kind != schemas.Dead || o.Detail != "publish it again" || o.Cause != "") {
				t.Errorf("got %+v", o)
			}
			if d.Data != nil || d.Reference != 5000 {
				t.Errorf("the delivery that may wait is now %+v", d)
			}
		})
	}
}
