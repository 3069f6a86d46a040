package pipe

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// told is what an endpoint was told of endpoints: "<type> <endpoint> <reason>".
func (p *pipe) told(to schemas.EndpointID) (list []string) {
	p.t.Helper()
	c := catalogue.New()
	for _, q := range p.requests(to) {
		var e struct {
			Type string
			Data json.RawMessage
		}
		var data struct{ Endpoint, Reason string }
		if err := json.Unmarshal(q.Body, &e); err != nil || !strings.HasPrefix(e.Type, "endpoint.") {
			continue
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			p.t.Error(err)
		}
		if err := c.Find(testTenant, e.Type).Validate(e.Data); err != nil {
			p.t.Errorf("%s: %v", q.Body, err)
		}
		if strings.Contains(string(q.Body), "secret-path") {
			p.t.Errorf("the URL is told: %s", q.Body)
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Type, data.Endpoint, data.Reason)))
	}
	return list
}

// TestEventsAboutEndpoints has three endpoints fail, each in its way, and another
// that is told of it. Dispatchers die now and then.
func TestEventsAboutEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const after = 2 * time.Hour
		s := prepareStages(t)
		nc := s.env.Connect()
		t.Cleanup(s.run(nc, s.fanoutOn(nc)).stop)
		began := time.Now()
		s.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			passed := time.Since(began)
			switch {
			case q.Path == "/ep_bad/secret-path", q.Path == "/ep_back" && passed < after*3/4:
				return dispatchertest.Status(503)
			case q.Path == "/ep_gone" && passed > time.Minute:
				return dispatchertest.Status(410)
			}
			return nil
		})
		policy := schemas.Policy{Retry: []schemas.Duration{}, DisableAfter: schemas.Duration(after), Breaker: schemas.SwitchOff}
		s.putEndpoint("ep_bad", "http://receiver.test/ep_bad/secret-path", policy)
		s.subscribe("sub_bad", "ep_bad", "*") // events about itself too
		s.endpoint("ep_back", policy, "order.*")
		s.endpoint("ep_gone", policy, "*")
		s.endpoint("ep_ops", schemas.Policy{}, "endpoint.*")

		s.publishUntil(began.Add(after + 10*time.Minute))
		nc2 := s.env.Connect()
		t.Cleanup(s.run(nc2, s.dispatcherOn(nc2)).stop)
		<-time.After(time.Minute)

		got := s.told("ep_ops")
		slices.Sort(got)
		want := []string{
			"endpoint.disabled ep_bad failing", "endpoint.disabled ep_gone gone",
			"endpoint.failing ep_back", "endpoint.failing ep_bad", "endpoint.recovered ep_back",
		}
		if !slices.Equal(got, want) {
			t.Errorf("the operators were told\n%q, want\n%q", got, want)
		}
		for id, reason := range map[schemas.EndpointID]schemas.Reason{"ep_bad": schemas.ReasonFailing, "ep_gone": schemas.ReasonGone, "ep_back": "", "ep_ops": ""} {
			if e, err := s.registry.Endpoint(t.Context(), id); err != nil || e.Disabled != reason {
				t.Errorf("%s is disabled %q, %v; want %q", id, e.Disabled, err, reason)
			}
		}
		s.notToldOfItself("ep_bad", "ep_gone")
		if notes, err := s.registry.Failing(t.Context()); err != nil || len(notes) > 0 {
			t.Errorf("notes are left: %q, %v", notes, err)
		}
		s.wantOwnEvents(5)
	})
}

// publishUntil publishes an event every five minutes. After each five of them the
// dispatcher goes, and another comes.
func (s *stages) publishUntil(end time.Time) {
	s.t.Helper()
	for i := 0; time.Now().Before(end); i++ {
		nc := s.env.Connect()
		w := s.run(nc, s.dispatcherOn(nc))
		for j := range 5 {
			s.publish(s.t.Context(), fmt.Sprintf("e%d.%d", i, j))
			<-time.After(5 * time.Minute)
		}
		if i%2 == 0 { // it dies
			nc.Close()
		}
		w.stop()
	}
}

// notToldOfItself wants no endpoint to get the event that it is disabled.
func (s *stages) notToldOfItself(ids ...string) {
	s.t.Helper()
	for _, q := range s.receiver.Requests() {
		for _, id := range ids {
			if strings.HasPrefix(q.Path, "/"+id) && strings.Contains(string(q.Body), `"endpoint.disabled"`) && strings.Contains(string(q.Body), id) {
				s.t.Errorf("%s, which is disabled, was told so: %s", id, q.Body)
			}
		}
	}
}

// wantOwnEvents reads EVENTS: each event of the pipe's own stands there once.
func (s *stages) wantOwnEvents(n int) {
	s.t.Helper()
	js, err := jetstream.New(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	stream, err := js.Stream(s.t.Context(), schemas.StreamEvents)
	if err != nil {
		s.t.Fatal(err)
	}
	ids := map[string]bool{}
	count := 0
	for sequence := uint64(1); sequence <= stream.CachedInfo().State.LastSeq; sequence++ {
		m, err := stream.GetMsg(s.t.Context(), sequence)
		if err != nil {
			s.t.Fatal(err)
		}
		if m.Header.Get("ce-source") == ownSource {
			count++
			ids[m.Header.Get("ce-id")] = true
			if subject := m.Header.Get("ce-subject"); !strings.HasPrefix(m.Header.Get("ce-id"), subject+".endpoint.") {
				s.t.Errorf("the event %s is about %q", m.Header.Get("ce-id"), subject)
			}
		}
	}
	if count != n || len(ids) != n {
		s.t.Errorf("EVENTS has %d of the pipe's own events, %d ids; want %d", count, len(ids), n)
	}
}
