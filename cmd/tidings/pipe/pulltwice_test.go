package pipe

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// TestTwoCopiesOfWhatIsPulled has two copies of a delivery in the queue, as a crash leaves
// them between a nack's retry and the acknowledgement: the one is behind the other by a
// hand-out, its retry takes the place of the other's, and then gets to the same number of
// hand-outs. It must not count as stored then: it is all that is left.
func TestTwoCopiesOfWhatIsPulled(t *testing.T) {
	pulling(t, schemas.Policy{Retry: slices.Repeat([]schemas.Duration{schemas.Duration(time.Second)}, 10)}, func(t *testing.T, c *caller) {
		nack := func(p schemas.Pulled, number int, after string) {
			t.Helper()
			if p.Attempt != number {
				t.Errorf("hand-out %d, want %d", p.Attempt, number)
			}
			if got := c.settle("ep_a", fmt.Sprintf(`{"nack":[{"receipt":"%s","after":"%s"}]}`, p.Receipt, after)); len(got) != 1 || got[0].Status != schemas.SettledRetry {
				t.Fatalf("nack: %+v", got)
			}
		}
		c.publish(t.Context(), "e1")
		c.one("ep_a")
		c.one("ep_a") // the first was not answered
		ahead := c.one("ep_a")
		c.copyOfPulled(1)
		behind := c.one("ep_a")
		nack(ahead, 3, "1m")
		nack(behind, 2, "1s")
		nack(c.one("ep_a"), 3, "1s")
		if last := c.one("ep_a"); last.Attempt != 4 {
			t.Errorf("hand-out %d, want the fourth", last.Attempt)
		} else {
			c.settles("ep_a", "ack", last.Receipt, schemas.SettledDelivered)
		}
	})
}

// copyOfPulled stores the first delivery that waits to be pulled once more, as it is after
// so many attempts.
func (p *pipe) copyOfPulled(attempts int) {
	p.t.Helper()
	js, err := jetstream.New(p.nc)
	if err != nil {
		p.t.Fatal(err)
	}
	queue, err := js.Stream(p.t.Context(), schemas.StreamPull)
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := queue.GetMsg(p.t.Context(), 1)
	if err != nil {
		p.t.Fatal(err)
	}
	d, err := schemas.ReadDelivery(m.Subject, schemas.Header(m.Header), m.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	for n := range attempts {
		d.Attempts = n + 1
		d.History = schemas.AppendHistory(d.History, schemas.Attempt{Number: n + 1, At: time.Now().UTC(), Reason: schemas.ReasonNacked})
	}
	again := &nats.Msg{Subject: m.Subject, Header: nats.Header(d.Header()), Data: d.Body()}
	if _, err := js.PublishMsg(p.t.Context(), again, jetstream.WithMsgID(d.MessageID())); err != nil {
		p.t.Fatal(err)
	}
}
