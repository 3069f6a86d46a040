package pipe

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestGoneDisablesTheEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.endpoint("ep_a", schemas.Policy{})
		p.endpoint("ep_b", schemas.Policy{})
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Path == "/ep_a" {
				return dispatchertest.Status(410)
			}
			return nil
		})
		p.publish(t.Context(), "e1")
		p.ends(2)
		synctest.Wait()
		p.publish(t.Context(), "e2")
		p.ends(2)
		if n := len(p.requests("ep_a")); n != 1 {
			t.Errorf("%d requests to the disabled endpoint, want 1", n)
		}
		if n := len(p.requests("ep_b")); n != 2 {
			t.Errorf("%d requests to the other endpoint, want 2", n)
		}
		e, err := p.registry.Endpoint(t.Context(), "ep_a")
		if err != nil || e.Disabled != schemas.ReasonGone || e.URL != "http://receiver.test/ep_a" {
			t.Errorf("the registry has %+v, %v; want it disabled by %s and else unchanged", e, err, schemas.ReasonGone)
		}
		letters := p.deadLetters()
		if len(letters) != 2 {
			t.Fatalf("%d dead letters, want 2", len(letters))
		}
		for i, want := range []struct {
			reason   schemas.Reason
			attempts int
		}{{schemas.ReasonGone, 1}, {schemas.ReasonEndpointDisabled, 0}} {
			if l := letters[i]; l.Reason != want.reason || len(l.History) != want.attempts {
				t.Errorf("dead letter %d: reason %s, %d attempts; want %s, %d", i, l.Reason, len(l.History), want.reason, want.attempts)
			}
		}

		// Put anew, it works again.
		p.receiver.Script(nil)
		p.putEndpoint("ep_a", "http://receiver.test/ep_a", schemas.Policy{})
		p.publish(t.Context(), "e3")
		p.ends(2)
		if n := len(p.requests("ep_a")); n != 2 {
			t.Errorf("%d requests after it was put anew, want 2", n)
		}
	})
}

func TestARetryOfADeletedEndpointDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.endpoint("ep_a", schemas.Policy{})
		p.receiver.Play(dispatchertest.Status(500))
		p.publish(t.Context(), "e1")
		if r := <-p.reports; r.Outcome.Kind != schemas.Retry {
			t.Fatalf("first attempt: %+v", r.Outcome)
		}
		if err := p.registry.RemoveEndpoint(t.Context(), "ep_a"); err != nil {
			t.Fatal(err)
		}
		if end := p.ends(1)[0]; end.Outcome.Reason != schemas.ReasonEndpointDeleted {
			t.Errorf("ended %+v, want %s", end.Outcome, schemas.ReasonEndpointDeleted)
		}
		if l := p.theDeadLetter(); l.Reason != schemas.ReasonEndpointDeleted || len(l.History) != 1 {
			t.Errorf("dead letter %s with %d attempts; want %s with 1", l.Reason, len(l.History), schemas.ReasonEndpointDeleted)
		}
		if n := len(p.receiver.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		p.publish(t.Context(), "e2") // its subscription went with it
		p.noMore(quiet)
	})
}

func TestChangesTakeEffectWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.endpoint("ep_a", schemas.Policy{}, "order.created")
		next := 0
		// published wants the paths that an event of the type reaches.
		published := func(eventType string, paths ...string) {
			t.Helper()
			before := len(p.receiver.Requests())
			next++
			p.publishEvent(t.Context(), typedEvent("e"+string('0'+rune(next)), eventType))
			p.ends(len(paths))
			p.noMore(quiet)
			got := p.receiver.Requests()[before:]
			for i, path := range paths {
				if got[i].Path != path {
					t.Errorf("%s reached %s, want %s", eventType, got[i].Path, path)
				}
			}
		}
		published("order.created", "/ep_a")
		p.putEndpoint("ep_a", "http://receiver.test/moved", schemas.Policy{})
		published("order.created", "/moved")
		published("order.removed")
		p.subscribe("sub_ep_a", "ep_a", "order.removed")
		published("order.created")
		published("order.removed", "/moved")
		if err := p.registry.RemoveSubscription(t.Context(), "sub_ep_a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		published("order.removed")
		p.subscribe("sub_again", "ep_a", "*")
		published("order.removed", "/moved")
		if err := p.registry.RemoveEndpoint(t.Context(), "ep_a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		published("order.removed")
	})
}

// A change applies to deliveries that were matched before, too.
func TestARetryGoesToTheNewURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.endpoint("ep_a", schemas.Policy{})
		p.receiver.Play(dispatchertest.Status(500))
		p.publish(t.Context(), "e1")
		<-p.reports
		p.putEndpoint("ep_a", "http://receiver.test/moved", schemas.Policy{})
		p.ends(1)
		got := p.receiver.Requests()
		if len(got) != 2 || got[1].Path != "/moved" || got[0].ID != got[1].ID {
			t.Errorf("requests %+v; want a second of the same id to /moved", got)
		}
	})
}

// TestAScheduleOutlivesTheProcess stops the process, its JetStream server included,
// while a retry is due in some minutes, and starts it again sooner or later.
func TestAScheduleOutlivesTheProcess(t *testing.T) {
	for name, down := range map[string]time.Duration{
		"back before the retry": time.Minute,
		"back after the retry":  time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := startPipe(t)
				p.endpoint("ep_a", schemas.Policy{})
				p.receiver.Play(times(3, dispatchertest.Status(500))...)
				p.publish(t.Context(), "e1")
				<-p.reports
				<-p.reports
				p.stop()
				<-time.After(down)
				p.start()
				back := time.Now()
				end := p.ends(1)[0]
				if end.Outcome.Kind != schemas.Delivered || end.Attempt.Number != 4 || len(end.Delivery.History) != 3 {
					t.Errorf("ended %+v as attempt %d with history %+v; want it delivered by the 4th", end.Outcome, end.Attempt.Number, end.Delivery.History)
				}
				got := p.requests("ep_a")
				if len(got) != 4 {
					t.Fatalf("%d requests, want 4", len(got))
				}
				due := got[1].At.Add(5 * time.Minute)
				least, most := due.Add(-30*time.Second), due.Add(30*time.Second+slack)
				if most.Before(back) {
					least, most = back, back.Add(2*time.Second)
				}
				if at := got[2].At; at.Before(least) || at.After(most) {
					t.Errorf("attempt 3 at %s, want between %s and %s", at, least, most)
				}
				for _, q := range got {
					checkSigned(t, name, q)
					if q.ID != got[0].ID {
						t.Errorf("webhook-id %s, want %s", q.ID, got[0].ID)
					}
				}
			})
		})
	}
}
