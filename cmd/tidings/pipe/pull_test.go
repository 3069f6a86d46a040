package pipe

import (
	"fmt"
	"slices"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

func TestPulledDeliveriesAreSignedAndSettled(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		if got := c.poll("ep_a", ""); len(got) != 0 {
			t.Fatalf("before anything was published: %+v", got)
		}
		c.publish(t.Context(), "e1")
		<-time.After(time.Hour) // it waits, and is signed when it is handed out
		began := time.Now()
		d := c.one("ep_a")
		if d.Attempt != 1 || d.Event.ID != "e1" || d.Event.Type != "order.created" || !d.Until.Equal(began.Add(30*time.Second)) {
			t.Errorf("got %+v", d)
		}
		key, err := signing.ParseKey(testSecret)
		if err != nil {
			t.Fatal(err)
		}
		if err := signing.Verify(headerOf(d), []byte(d.Body), time.Now(), key); err != nil {
			t.Error(err)
		}
		official, err := standardwebhooks.NewWebhook(testSecret)
		if err != nil {
			t.Fatal(err)
		}
		if err := official.VerifyIgnoringTimestamp([]byte(d.Body), headerOf(d)); err != nil { // its clock is not the test's
			t.Error(err)
		}
		if headerOf(d).Get("webhook-id") != string(d.ID) {
			t.Errorf("webhook-id %q of %s", headerOf(d).Get("webhook-id"), d.ID)
		}
		if got := c.poll("ep_a", ""); len(got) != 0 {
			t.Errorf("handed out twice: %+v", got)
		}
		c.settles("ep_a", "ack", d.Receipt, schemas.SettledDelivered)
		c.settles("ep_a", "ack", d.Receipt, schemas.SettledGone)
		if got := c.deliveries("endpoint=ep_a"); len(got) != 1 || got[0].Status != deliverylog.Delivered || got[0].Attempts != 1 {
			t.Errorf("the log says %+v", got)
		}
	})
}

// A receiver that dies, or whose api process does, loses nothing: it comes again,
// under the same id, and the old receipt is void.
func TestPulledAndNeverSettledComesAgain(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		c.publish(t.Context(), "e1")
		first := c.one("ep_a")
		if got := c.poll("ep_a", `{"wait":"29s"}`); len(got) != 0 {
			t.Fatalf("handed out too soon: %+v", got)
		}
		second := c.one("ep_a")
		if second.ID != first.ID || second.Attempt != 2 || second.Receipt == first.Receipt {
			t.Errorf("first %+v\nthen %+v", first, second)
		}
		c.settles("ep_a", "ack", first.Receipt, schemas.SettledExpired)
		c.settles("ep_a", "extend", first.Receipt, schemas.SettledExpired)
		c.settles("ep_a", "ack", second.Receipt, schemas.SettledDelivered)
		if got := c.deliveries("endpoint=ep_a"); got[0].Status != deliverylog.Delivered || got[0].Attempts != 2 {
			t.Errorf("the log says %+v", got)
		}
		var one struct{ History []schemas.Attempt }
		c.call("GET", "/deliveries/"+string(first.ID), "", &one)
		if len(one.History) != 2 || one.History[0].Reason != schemas.ReasonTimeout || one.History[1].Reason != schemas.ReasonOK {
			t.Errorf("attempts %+v", one.History)
		}
	})
}

func TestAReceiptIsExtended(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		c.publish(t.Context(), "e1")
		d := c.poll("ep_a", `{"ack_wait":"10s","wait":"10s"}`)[0]
		if left := time.Until(d.Until); left != 10*time.Second {
			t.Errorf("good for %s", left)
		}
		receipt := d.Receipt
		for range 5 {
			<-time.After(9 * time.Second)
			receipt = c.settles("ep_a", "extend", receipt, schemas.SettledExtended).Renewed
		}
		if got := c.poll("ep_a", ""); len(got) != 0 {
			t.Errorf("handed out meanwhile: %+v", got)
		}
		c.settles("ep_a", "ack", receipt, schemas.SettledDelivered)
	})
}

func TestTwoPollersShareTheWork(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		const n = 60
		got := make(chan schemas.Pulled, 2*n)
		done := make(chan struct{})
		for range 2 {
			go func() {
				defer func() { done <- struct{}{} }()
				for idle := 0; idle < 2; idle++ {
					for _, d := range c.poll("ep_a", `{"max":7,"wait":"20s"}`) {
						c.settles("ep_a", "ack", d.Receipt, schemas.SettledDelivered)
						got <- d
						idle = 0
					}
				}
			}()
		}
		for i := range n {
			c.publish(t.Context(), fmt.Sprint("e", i))
		}
		<-done
		<-done
		seen := map[schemas.DeliveryID]int{}
		for len(got) > 0 {
			seen[(<-got).ID]++
		}
		if len(seen) != n {
			t.Errorf("%d of %d came", len(seen), n)
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s came %d times", id, times)
			}
		}
	})
}

func TestPausedAndResumedWhilePolled(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		c.publish(t.Context(), "before")
		<-time.After(time.Second)
		c.change("ep_a", func(e *schemas.Endpoint) { e.Paused = true })
		c.publish(t.Context(), "meanwhile")
		began := time.Now()
		if got := c.poll("ep_a", `{"wait":"30s"}`); len(got) != 0 || time.Since(began).Round(time.Second) != 30*time.Second {
			t.Fatalf("after %s: %+v", time.Since(began), got)
		}
		c.change("ep_a", func(e *schemas.Endpoint) { e.Paused = false })
		var ids []string
		for len(ids) < 2 {
			for _, d := range c.poll("ep_a", `{"wait":"10s"}`) {
				ids = append(ids, d.Event.ID)
			}
		}
		if !slices.Equal(ids, []string{"before", "meanwhile"}) {
			t.Errorf("came %q", ids)
		}
	})
}

func TestTheQueueOfAPulledEndpointIsBounded(t *testing.T) {
	pulling(t, schemas.Policy{MaxHeld: 3}, func(t *testing.T, c *caller) {
		for i := range 5 {
			c.publish(t.Context(), fmt.Sprint("e", i))
			<-time.After(time.Second)
		}
		if letters := c.deadLetters(); len(letters) != 2 || letters[0].Reason != schemas.ReasonQueueFull {
			t.Fatalf("dead letters %+v", letters)
		}
		for _, d := range c.poll("ep_a", "") {
			c.settles("ep_a", "ack", d.Receipt, schemas.SettledDelivered)
		}
		c.publish(t.Context(), "e5")
		if d := c.one("ep_a"); d.Event.ID != "e5" {
			t.Errorf("got %+v", d)
		}
		if got := c.deliveries("status=dead"); len(got) != 2 {
			t.Errorf("the log says %+v", got)
		}
	})
}

// What nobody polls dies too, if its endpoint is disabled or deleted, or by its age.
func TestWhatNobodyPullsDies(t *testing.T) {
	for reason, end := range map[schemas.Reason]func(*pipe){
		schemas.ReasonEndpointDisabled: func(p *pipe) {
			p.change("ep_a", func(e *schemas.Endpoint) { e.Disabled = schemas.ReasonGone })
		},
		schemas.ReasonEndpointDeleted: func(p *pipe) {
			if err := p.registry.RemoveEndpoint(p.t.Context(), "ep_a"); err != nil {
				p.t.Fatal(err)
			}
		},
		schemas.ReasonTooOld: func(p *pipe) {
			p.change("ep_a", func(e *schemas.Endpoint) { e.Policy.MaxAge = schemas.Duration(time.Minute) })
			<-time.After(time.Minute)
		},
		schemas.ReasonSkipped: func(p *pipe) {
			p.change("ep_a", func(e *schemas.Endpoint) { e.SkipBefore = time.Now().Add(time.Second) })
		},
	} {
		t.Run(string(reason), func(t *testing.T) {
			pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
				c.publish(t.Context(), "e1")
				c.publish(t.Context(), "e2")
				d := c.poll("ep_a", `{"max":1,"wait":"5s"}`)[0] // its consumer is there
				c.settles("ep_a", "ack", d.Receipt, schemas.SettledDelivered)
				end(c.pipe)
				<-time.After(time.Minute)
				if l := c.theDeadLetter(); l.Reason != reason || l.Endpoint != "ep_a" {
					t.Errorf("dead letter %+v", l)
				}
				if got := c.deliveries("status=dead"); len(got) != 1 {
					t.Errorf("the log says %+v", got)
				}
				info, err := c.process.desk.Waiting(t.Context())
				if err != nil || len(info) != 0 {
					t.Errorf("there wait %v, %v", info, err)
				}
			})
		})
	}
}
