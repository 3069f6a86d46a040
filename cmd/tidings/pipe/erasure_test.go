package pipe

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// marker is what is personal: in the event's id, subject and data, and in what
// receivers answer.
const marker = "m4rk3r-0f-a-p3rs0n"

// personal is an event that is to be erased.
func personal(n int) schemas.Event {
	e := typedEvent(fmt.Sprintf("%s-%d", marker, n), "order.created")
	e.SetSubject("customer/" + marker)
	_ = e.SetData("application/json", map[string]string{"name": marker})
	return e
}

// scripted answers each endpoint in its way, with the marker where the request has it.
func scripted(q dispatchertest.Request) dispatchertest.Answer {
	status := cmp.Or(map[string]int{"/ep_dead": 400, "/ep_later": 503}[q.Path], 200)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Echo", string(q.Body[:min(len(q.Body), 100)]))
		w.WriteHeader(status)
		_, _ = w.Write(q.Body)
	}
}

// filesWith are the files of a folder that have the marker.
func filesWith(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if n := bytes.Count(text, []byte(marker)); n > 0 {
			found = append(found, fmt.Sprintf("%s %d", name, n))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// notEmpty wants that streams have something.
func (p *pipe) notEmpty(streams ...string) {
	p.t.Helper()
	js, err := jetstream.New(p.nc)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range streams {
		s, err := js.Stream(p.t.Context(), name)
		if err != nil || s.CachedInfo().State.Msgs == 0 {
			p.t.Errorf("%s is empty, or %v", name, err)
		}
	}
}

// What is erased is in no file any more: neither the events nor what became of them,
// delivered, dead, to be tried again, and waiting. Others' lines stay.
func TestErasureLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.endpoint("ep_well", schemas.Policy{}, "order.*")
		p.endpoint("ep_dead", schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}, "order.*")
		p.endpoint("ep_later", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(30 * time.Minute)}, Breaker: schemas.SwitchOff}, "order.*")
		p.endpoint("ep_told", schemas.Policy{}, "delivery.dead")
		p.receiver.Script(scripted)
		for n := range 5 {
			p.publishEvent(t.Context(), personal(n))
			p.publish(t.Context(), fmt.Sprint("other", n)) // in the same messages of LOG
		}
		<-time.After(5 * time.Minute)
		c.deliveries("")
		if len(filesWith(t, p.settings.DataDir)) == 0 {
			t.Fatal("the marker is in no file")
		}
		var got erasure.Record
		c.call("POST", "/erasures", `{"subject":"customer/`+marker+`"}`, &got)
		want := erasure.Removed{
			Events: 10, Deliveries: 5, DeadLetters: 5, LogRecords: 30, // 5 events of 3 attempts; 5 announcements, each delivered
			Database: deliverylog.Removed{Events: 10, Deliveries: 20, Attempts: 20},
		}
		if got.Removed != want || got.Found != 10 || got.State != erasure.Watching {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		var again erasure.Record
		c.call("POST", "/erasures", `{"subject":"customer/`+marker+`"}`, &again)
		if again.Removed != (erasure.Removed{}) || again.State != erasure.Done {
			t.Errorf("again: %+v", again)
		}
		for endpoint, n := range map[string]int{"ep_well": 5, "ep_dead": 5, "ep_later": 5, "ep_told": 5} {
			if found := c.deliveries("endpoint=" + endpoint); len(found) != n {
				t.Errorf("%d deliveries to %s are left, want the others' %d", len(found), endpoint, n)
			}
		}
		<-time.After(40 * time.Minute) // the others' are tried again, and die
		if n := len(p.requests("ep_later")); n != 15 {
			t.Errorf("%d requests, want those of the others to be tried again", n)
		}
		if found := filesWith(t, p.settings.DataDir); len(found) > 0 {
			t.Errorf("the marker is in %q", found)
		}
		p.notEmpty(schemas.StreamEvents, schemas.StreamDead, schemas.StreamLog)
		var page struct{ Items []erasure.Record }
		c.call("GET", "/erasures", "", &page)
		if len(page.Items) != 2 || page.Items[1].Removed != want {
			t.Errorf("the records are %+v", page.Items)
		}
	})
}

// What a dispatcher has in hand is attempted, and what it leaves is erased too.
func TestErasureOfWhatIsInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.endpoint("ep_a", schemas.Policy{Timeout: schemas.Duration(2 * time.Minute), Retry: []schemas.Duration{schemas.Duration(30 * time.Minute)}, Breaker: schemas.SwitchOff}, "order.*")
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			return func(w http.ResponseWriter, r *http.Request) {
				<-time.After(time.Minute)
				scripted(q)(w, r)
				panic(http.ErrAbortHandler)
			}
		})
		p.publishEvent(t.Context(), personal(0))
		<-time.After(10 * time.Second)
		var got erasure.Record
		c.call("POST", "/erasures", `{"event":"`+marker+`-0","source":"/test"}`, &got)
		if got.Removed.Events != 1 || got.Removed.Deliveries != 1 || got.Removed.LogRecords != 1 {
			t.Errorf("got %+v", got)
		}
		<-time.After(30 * time.Minute)
		if found := filesWith(t, p.settings.DataDir); len(found) > 0 {
			t.Errorf("the marker is in %q", found)
		}
		<-time.After(time.Hour)
		if n := len(p.requests("ep_a")); n != 1 {
			t.Errorf("%d requests, want the one that was under way", n)
		}
	})
}

// hanging lets ep_hang wait for a minute, and fails; others are as they are scripted.
func hanging(q dispatchertest.Request) dispatchertest.Answer {
	if q.Path != "/ep_hang" {
		return scripted(q)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		<-time.After(time.Minute)
		q.Path = "/ep_dead"
		scripted(q)(w, r)
	}
}

// What dies in a dispatcher's hand is announced: that is erased too, and what became of it.
func TestErasureOfWhatDiesInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.endpoint("ep_hang", schemas.Policy{Timeout: schemas.Duration(2 * time.Minute), Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}, "order.*")
		p.endpoint("ep_told", schemas.Policy{}, "delivery.*")
		p.endpoint("ep_dead", schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}, "delivery.*")
		p.endpoint("ep_later", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Hour)}, Breaker: schemas.SwitchOff}, "delivery.*")
		p.receiver.Script(hanging)
		p.publishEvent(t.Context(), personal(0))
		<-time.After(10 * time.Second)
		var got erasure.Record
		c.call("POST", "/erasures", `{"subject":"customer/`+marker+`"}`, &got)
		if got.Found != 1 || got.Removed.Events != 1 {
			t.Errorf("got %+v", got)
		}
		<-time.After(2 * time.Minute)
		for range 4 { // ep_hang, and those that are told of its death
			<-p.reports
		}
		if len(filesWith(t, p.settings.DataDir)) == 0 {
			t.Fatal("the death has left nothing")
		}
		<-time.After(20 * time.Minute)
		if found := filesWith(t, p.settings.DataDir); len(found) > 0 {
			t.Errorf("the marker is in %q", found)
		}
		if left := c.deliveries(""); len(left) != 0 {
			t.Errorf("left are %+v", left)
		}
		var page struct{ Items []erasure.Record }
		c.call("GET", "/erasures", "", &page)
		got = page.Items[0]
		if n := got.Removed; got.Found != 2 || n.Events != 2 || n.Deliveries != 2 || n.DeadLetters != 2 {
			t.Errorf("the record is %+v", got)
		}
		<-time.After(2 * time.Hour)
		p.noMore(time.Second)
	})
}

// What waits to be pulled is erased too, and so is what is handed out: its receipt says
// that it is gone.
func TestErasureOfWhatIsPulled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.pulled("ep_a", schemas.Policy{})
		p.publishEvent(t.Context(), personal(0))
		d := c.one("ep_a")
		p.publishEvent(t.Context(), personal(1))
		p.publish(t.Context(), "other")
		<-time.After(10 * time.Second)
		var got erasure.Record
		c.call("POST", "/erasures", `{"subject":"customer/`+marker+`"}`, &got)
		if got.Removed.Events != 2 || got.Removed.Deliveries != 2 {
			t.Errorf("got %+v", got)
		}
		c.settles("ep_a", "ack", d.Receipt, schemas.SettledGone)
		if left := c.poll("ep_a", `{"wait":"1m"}`); len(left) != 1 || left[0].Event.ID != "other" {
			t.Errorf("left are %+v", left)
		}
		if found := filesWith(t, p.settings.DataDir); len(found) > 0 {
			t.Errorf("the marker is in %q", found)
		}
	})
}
