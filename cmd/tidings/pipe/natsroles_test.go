package pipe

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

const rolesToken = "an-admin-token-of-a-test"

// roles is the pipe with its roles apart, each in a process of its own user.
type roles struct {
	*pipe
	nats *shipped
	api  http.Handler
}

// startRoles runs the role api, and others as pairs of a user and its roles. Those
// begin before the streams are made.
func startRoles(t *testing.T, s *shipped, others ...[2]string) *roles {
	t.Helper()
	r := &roles{pipe: newPipe(t), nats: s}
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var starting sync.WaitGroup
	for _, o := range others {
		starting.Go(func() { r.run(ctx, o[0], strings.Split(o[1], ",")...) })
	}
	if r.process = r.run(ctx, "api", "api"); t.Failed() {
		giveUp()
	}
	if starting.Wait(); t.Failed() {
		t.FailNow()
	}
	r.registry = r.process.Registry
	var err error
	if r.api, _, err = r.process.Handlers(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.use(s.as("acme", ""))
	return r
}

// run starts a process; it ends with the test, if not before.
func (r *roles) run(ctx context.Context, user string, names ...string) *Process {
	r.t.Helper()
	measured, err := telemetry.Setup(ctx, telemetry.Options{Scraped: true}) // what it asks NATS is within the rights too
	if err != nil {
		r.t.Error(err)
	}
	p, err := Start(ctx, r.nats.settings(user, names...), r.nats.log.logger(), Hooks{
		Observe: r.observe, Telemetry: measured, Transport: r.receiver.Transport(r.t), Broker: r.nats.through(),
	})
	if err != nil {
		r.t.Error(err)
		return p
	}
	r.t.Cleanup(func() { r.end(p) })
	return p
}

func (r *roles) end(p *Process) {
	if err := p.Stop(); err != nil {
		r.t.Errorf("stop: %v", err)
	}
}

// call is a request to the API, whose answer must have the status.
func (r *roles) call(status int, method, path, body string, headers ...string) {
	r.t.Helper()
	q := httptest.NewRequestWithContext(r.t.Context(), method, path, strings.NewReader(body))
	q.Header.Set("Authorization", "Bearer "+rolesToken)
	q.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, q)
	if w.Code != status {
		r.t.Errorf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
}

// reaches waits until an endpoint has got n requests.
func (r *roles) reaches(id schemas.EndpointID, n int) {
	r.t.Helper()
	for range 600 {
		if len(r.requests(id)) >= n {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
	r.t.Fatalf("%s got %d requests, want %d", id, len(r.requests(id)), n)
}

// answers has each endpoint answer its requests in turn: the last status stays.
// Who is not named takes what comes.
func (r *roles) answers(statuses map[schemas.EndpointID][]int) {
	seen := map[string]int{}
	r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		list := statuses[schemas.EndpointID(strings.Trim(q.Path, "/"))]
		if len(list) == 0 {
			return nil
		}
		n := min(seen[q.Path], len(list)-1)
		seen[q.Path]++
		return dispatchertest.Status(list[n])
	})
}

// TestEachRoleHasTheRightsItNeeds runs the pipe under deploy/nats and has it do all
// that the roles do. Nothing may be denied.
func TestEachRoleHasTheRightsItNeeds(t *testing.T) {
	apart, together := [][2]string{{"fanout", "fanout"}, {"dispatcher", "dispatcher"}}, [][2]string{{"worker", "fanout,dispatcher"}}
	for name, others := range map[string][][2]string{"apart": apart, "together": together, "apart by next acks": apart, "together by next acks": together} {
		t.Run(name, func(t *testing.T) {
			nextAcks := strings.HasSuffix(name, "next acks")
			synctest.Test(t, func(t *testing.T) {
				streamstest.DropTimers(t)
				r := startRoles(t, startShipped(t, false, func(o *server.Options) {
					// The subjects of acknowledgements that a later server will use.
					o.FeatureFlags = map[string]bool{server.FeatureFlagJsAckFormatV2: nextAcks}
				}), others...)
				r.makeTenant()
				r.deliveries()
				r.replays()
				r.pulls()
				if !nextAcks { // nothing in these is acknowledged otherwise
					r.endpointsFail()
					r.apiWrites()
					r.largeRegistry()
				}
				for _, o := range others {
					r.anotherComes(o)
				}
				r.erases()
				if name == "apart" { // the role api does it, whoever the others are
					r.retains()
				}
				r.nats.log.check(t)
			})
		})
	}
}

// erases removes an event that was delivered, that waits and that died.
func (r *roles) erases() {
	r.t.Helper()
	r.answers(map[schemas.EndpointID][]int{"ep_wait": {503}, "ep_dies": {400}})
	r.endpoint("ep_wait", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(12 * time.Hour)}})
	r.endpoint("ep_dies", schemas.Policy{Retry: []schemas.Duration{}})
	r.publish(r.t.Context(), "gone")
	r.reaches("ep_wait", 1)
	r.reaches("ep_dies", 1)
	<-time.After(10 * time.Second)
	r.call(200, "POST", "/v1/tenants/acme/erasures", `{"event":"gone"}`)
	all, err := r.process.eraser.List(r.t.Context(), testTenant)
	if err != nil || len(all) != 1 {
		r.t.Fatal(all, err)
	}
	if n := all[0].Removed; n.Events == 0 || n.Deliveries == 0 || n.DeadLetters == 0 || n.LogRecords < 3 || n.Database.Events == 0 {
		r.t.Errorf("erased %+v", n)
	}
}

// retains waits until what is stored is older than the tenant has it kept.
func (r *roles) retains() {
	r.t.Helper()
	<-time.After(80 * time.Minute)
	js, err := jetstream.New(r.nats.operator())
	if err != nil {
		r.t.Fatal(err)
	}
	for stream, subject := range map[string]string{
		schemas.StreamEvents: r.process.Streams.Layout.TenantFilter(testTenant),
		schemas.StreamDead:   schemas.DeadFilter(testTenant),
		schemas.StreamLog:    schemas.LogSubject(testTenant),
	} {
		s, err := js.Stream(r.t.Context(), stream)
		if err != nil {
			r.t.Fatal(err)
		}
		info, err := s.Info(r.t.Context(), jetstream.WithSubjectFilter(subject))
		if err != nil || len(info.State.Subjects) > 0 {
			r.t.Errorf("%s has %v, %v", stream, info.State.Subjects, err)
		}
	}
}

func (r *roles) makeTenant() {
	r.t.Helper()
	r.call(201, "POST", "/v1/tenants", `{"id":"acme","quota":{"stored_bytes":1000000000,"events":"1000/s","held":1000,"endpoints":100},"retention":{"events":"1h","log":"1h"}}`)
	synctest.Wait()
}

// deliveries take each way there is.
func (r *roles) deliveries() {
	t := r.t
	t.Helper()
	retry := schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Second), schemas.Duration(time.Minute)}}
	fifo := retry
	fifo.Order = schemas.OrderFIFO
	r.answers(map[schemas.EndpointID][]int{"ep_retry": {503, 200}, "ep_fifo": {503, 200}, "ep_dead": {400}, "ep_gone": {410}, "ep_slow": {503, 503, 200}})
	r.endpoint("ep_plain", schemas.Policy{})
	r.endpoint("ep_retry", retry)
	r.endpoint("ep_fifo", fifo)
	r.endpoint("ep_dead", schemas.Policy{Retry: []schemas.Duration{}})
	r.endpoint("ep_gone", schemas.Policy{})
	r.endpoint("ep_slow", retry)
	r.endpoint("ep_paused", schemas.Policy{})
	r.pause("ep_paused", true)
	big := testEvent("big")
	_ = big.SetData("application/json", map[string]string{"id": strings.Repeat("x", 20<<10)}) // stays in EVENTS
	r.publish(t.Context(), "e1")
	r.publishEvent(t.Context(), big)
	r.publish(t.Context(), "e2")
	for id, n := range map[schemas.EndpointID]int{"ep_plain": 3, "ep_retry": 4, "ep_fifo": 4, "ep_slow": 5, "ep_dead": 3, "ep_gone": 1} {
		r.reaches(id, n)
	}
	if n := len(r.requests("ep_paused")); n != 0 {
		t.Errorf("the paused endpoint got %d requests", n)
	}
	r.pause("ep_paused", false)
	r.reaches("ep_paused", 3)

	// What is no event dies; what is stored reaches who asks for it later.
	if err := r.nc.Publish("events.acme.broken", []byte("no event")); err != nil {
		t.Fatal(err)
	}
	r.putEndpoint("ep_past", "http://receiver.test/ep_past", schemas.Policy{})
	s := schemas.Subscription{
		ID: "sub_past", Tenant: testTenant, Endpoint: "ep_past", Types: []schemas.TypePattern{"*"},
		History: &schemas.History{State: schemas.HistoryReading},
	}
	if err := r.registry.PutSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	r.reaches("ep_past", 3)
	r.publish(t.Context(), "e3")
	r.reaches("ep_past", 4)
	<-time.After(time.Minute)
	got, err := r.registry.Subscription(t.Context(), "sub_past")
	if err != nil || got.History.State != schemas.HistoryDone {
		t.Errorf("history: %+v, %v", got.History, err)
	}
	letters := r.lettersOf("ep_dead", "ep_gone", "")
	if !slices.Equal(letters, []string{"", "ep_dead", "ep_gone"}) {
		t.Errorf("dead letters of %q", letters)
	}
}

// replays search the log, and send what they find: from EVENTS, and from a dead letter
// of what EVENTS does not have.
func (r *roles) replays() {
	t := r.t
	t.Helper()
	const path = "/v1/tenants/acme"
	r.call(202, "POST", path+"/endpoints/ep_dead/test", "{}")
	r.reaches("ep_dead", 5) // e3 too
	<-time.After(10 * time.Second)
	for _, route := range []string{"/events", "/deliveries?status=dead", "/counts"} {
		r.call(200, "GET", path+route, "")
	}
	for _, which := range []string{"failed", "missing"} {
		r.call(201, "POST", path+"/replays", `{"endpoint":"ep_dead","since":"1999-12-31T00:00:00Z","which":"`+which+`"}`)
	}
	r.reaches("ep_dead", 10)
	r.call(200, "GET", path+"/replays", "")
}

func (r *roles) pause(id schemas.EndpointID, paused bool) {
	r.t.Helper()
	e, err := r.registry.Endpoint(r.t.Context(), id)
	if err == nil {
		e.Paused = paused
		err = r.registry.PutEndpoint(r.t.Context(), e)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	<-time.After(time.Second)
}

// lettersOf are the endpoints of which DEAD has letters, of these.
func (r *roles) lettersOf(ids ...schemas.EndpointID) (found []string) {
	r.t.Helper()
	p := *r.pipe
	p.nc = r.nats.operator()
	for _, l := range p.deadLetters() {
		if slices.Contains(ids, l.Endpoint) && !slices.Contains(found, string(l.Endpoint)) {
			found = append(found, string(l.Endpoint))
		}
	}
	slices.Sort(found)
	return found
}

// endpointsFail has one fail until its owner is told, and then recover.
func (r *roles) endpointsFail() {
	r.t.Helper()
	r.answers(map[schemas.EndpointID][]int{"ep_failing": slices.Concat(slices.Repeat([]int{503}, 30), []int{200})})
	r.endpoint("ep_failing", schemas.Policy{Retry: []schemas.Duration{}, DisableAfter: schemas.Duration(time.Hour), Breaker: schemas.SwitchOff}, "order.*")
	r.endpoint("ep_ops", schemas.Policy{}, "endpoint.*")
	for i := range 32 {
		r.publish(r.t.Context(), fmt.Sprintf("f%d", i))
		<-time.After(75 * time.Second)
	}
	<-time.After(time.Minute)
	want := []string{"endpoint.failing ep_failing", "endpoint.recovered ep_failing"}
	var got []string
	for _, line := range r.told("ep_ops") {
		if strings.Contains(line, "ep_failing") {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("told %q, want %q", got, want)
	}
	if gone, err := r.registry.Endpoint(r.t.Context(), "ep_gone"); err != nil || gone.Disabled != schemas.ReasonGone {
		r.t.Errorf("ep_gone is disabled %q, %v", gone.Disabled, err)
	}
}

// apiWrites has the API do what it does beside the registry.
func (r *roles) apiWrites() {
	r.t.Helper()
	before := len(r.requests("ep_plain"))
	event := `{"specversion":"1.0","id":"h1","source":"/http","type":"order.created","data":{"id":"h1"}}`
	structured := []string{"Content-Type", "application/cloudevents+json"}
	r.call(202, "POST", "/v1/tenants/acme/events", event, structured...)
	r.call(202, "POST", "/v1/tenants/acme/endpoints/ep_plain/test", `{}`)
	for range 2 { // the second is answered by the key
		r.call(201, "POST", "/v1/tenants/acme/endpoints", `{"url":"https://receiver.test/new"}`, "Idempotency-Key", "k1")
	}
	r.reaches("ep_plain", before+2)
	r.call(204, "DELETE", "/v1/tenants/acme/endpoints/ep_slow", "")
	<-time.After(time.Minute) // the token's use is noted
}

// largeRegistry fills buckets with more than a watch takes without telling the server
// that it keeps up.
func (r *roles) largeRegistry() {
	r.t.Helper()
	headers := map[string]schemas.Secret{}
	for i := range schemas.MaxHeaders {
		headers[fmt.Sprintf("X-Large-%d", i)] = schemas.NewSecret(strings.Repeat("x", 4000))
	}
	for i := range 24 {
		r.put(schemas.Endpoint{ID: schemas.EndpointID(fmt.Sprintf("ep_large%d", i)), URL: "http://receiver.test/large", Headers: headers})
	}
	nc := r.nats.operator()
	for i := range 60 {
		for _, role := range []string{"fanout", "dispatcher"} { // members who are soon dead
			if err := nc.Publish(fmt.Sprintf("$KV.tidings-members.%s.ghost%d", role, i), bytes.Repeat([]byte("x"), 40<<10)); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	<-time.After(time.Minute)
}

// anotherComes has one more process of these roles for a while.
func (r *roles) anotherComes(o [2]string) {
	r.t.Helper()
	p := r.run(r.t.Context(), o[0], strings.Split(o[1], ",")...)
	<-time.After(time.Minute)
	before := len(r.requests("ep_plain"))
	r.publish(r.t.Context(), "with another "+o[0])
	r.reaches("ep_plain", before+1)
	r.end(p)
	<-time.After(time.Minute)
	r.publish(r.t.Context(), "without "+o[0])
	r.reaches("ep_plain", before+2)
}
