package schemas_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Each replay stores under ids of its own, and two of the same state under the same.
func TestDeliveryMessageID(t *testing.T) {
	asked, after := time.UnixMilli(2000), time.UnixMilli(1000)
	for _, tt := range []struct {
		attempts   int
		replay     *schemas.Replay
		want, dead string
	}{
		{0, nil, "dlv_x", "dlv_x.dead"},
		{1, nil, "dlv_x.1", "dlv_x.dead"},
		{12, nil, "dlv_x.12", "dlv_x.dead"},
		{0, &schemas.Replay{Asked: asked, After: after}, "dlv_x.r1000", "dlv_x.r1000.dead"},
		{0, &schemas.Replay{Asked: asked.Add(time.Second), After: after}, "dlv_x.r1000", "dlv_x.r1000.dead"},
		{3, &schemas.Replay{Asked: asked, After: after}, "dlv_x.r1000.3", "dlv_x.r1000.dead"},
		{0, &schemas.Replay{Asked: asked}, "dlv_x.r0", "dlv_x.r0.dead"},
	} {
		d := schemas.Delivery{ID: "dlv_x", Attempts: tt.attempts, Replay: tt.replay}
		if d.MessageID() != tt.want || d.DeadID() != tt.dead {
			t.Errorf("%d attempts of %+v: %s and %s, want %s and %s", tt.attempts, tt.replay, d.MessageID(), d.DeadID(), tt.want, tt.dead)
		}
	}
}

func TestReplayRoundTrip(t *testing.T) {
	asked := time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)
	for _, after := range []time.Time{{}, asked.Add(-time.Hour)} {
		d := delivery(2)
		if !d.Since().Equal(d.Accepted()) {
			t.Errorf("its age begins at %s, and it was accepted at %s", d.Since(), d.Accepted())
		}
		d.Replay = &schemas.Replay{Asked: asked, After: after}
		got := read(t, d, d.Header())
		if !reflect.DeepEqual(got, d) || !got.Since().Equal(asked) {
			t.Errorf("got %+v, since %s", got.Replay, got.Since())
		}
	}
}

func TestReplayOfGarbage(t *testing.T) {
	for _, text := range []string{"now", "1", "1 ", " 1", "1 x", "-1 0", "1 -1", "1 2 3"} {
		h := delivery(0).Header()
		h["Tidings-Replay"] = []string{text}
		if d, err := schemas.ReadDelivery("ready.7.ep_a", h, nil); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%q: %+v, %v", text, d, err)
		}
	}
}

// TestMessageIDOfWhatWasGivenBack tells two copies of a delivery apart by when they were
// handed out, and one from itself never.
func TestMessageIDOfWhatWasGivenBack(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 0, 0, 123456789, time.UTC)
	nacked := func(at time.Time) *schemas.Delivery {
		d := &schemas.Delivery{ID: schemas.NewDeliveryID(time.Unix(0, 0), 1, "ep_a"), Tenant: "acme", Endpoint: "ep_a", Attempts: 3}
		d.History = schemas.AppendHistory(nil, schemas.Attempt{Number: 3, At: at, Reason: schemas.ReasonNacked})
		return d
	}
	one, other := nacked(at), nacked(at.Add(time.Millisecond))
	if one.MessageID() == other.MessageID() {
		t.Errorf("two hand-outs have one id: %s", one.MessageID())
	}
	read, err := schemas.ReadDelivery("ready.0.ep_a", one.Header(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if read.MessageID() != one.MessageID() {
		t.Errorf("read it is %s, and was written as %s", read.MessageID(), one.MessageID())
	}
}
