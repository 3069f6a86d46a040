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
		{0, &schemas.Replay{Asked: asked}, "dlv_x", "dlv_x.dead"}, // as a subscription's history has it
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
		d.Late = after.IsZero()
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

// TestMessageIDOfCopies tells the steps of two messages of one delivery apart, but the
// first, which is made of what may be no message.
func TestMessageIDOfCopies(t *testing.T) {
	id := func(attempts int, sequence uint64) string {
		d := delivery(attempts)
		d.Sequence = sequence
		return d.MessageID()
	}
	if id(3, 7) == id(3, 8) || id(3, 7) == id(2, 7) {
		t.Errorf("%s, %s and %s", id(3, 7), id(3, 8), id(2, 7))
	}
	if id(0, 7) != id(0, 0) {
		t.Errorf("%s is one step with %s", id(0, 7), id(0, 0))
	}
}
