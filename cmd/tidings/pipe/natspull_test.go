package pipe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/tidings-dev/tidings/schemas"
)

// pulls has deliveries fetched and settled in each way there is.
func (r *roles) pulls() {
	r.t.Helper()
	for _, id := range []schemas.EndpointID{"ep_pulled", "ep_inorder", "ep_left"} {
		e := schemas.Endpoint{ID: id, Pull: true}
		if id == "ep_inorder" {
			e.Policy.Order = schemas.OrderFIFO
		}
		r.put(e)
		r.subscribe(schemas.SubscriptionID("sub_"+string(id)), id, "order.*")
	}
	for i := range 4 {
		r.publish(r.t.Context(), fmt.Sprint("pulled ", i))
	}
	left := r.polls("ep_left", `{"max":1,"wait":"10s"}`)
	got := r.polls("ep_pulled", `{"wait":"10s"}`)
	for len(got) < 4 {
		got = append(got, r.polls("ep_pulled", `{"wait":"10s"}`)...)
	}
	settle := func(id, body string) { r.call(200, "POST", "/v1/tenants/acme/endpoints/"+id+"/settle", body) }
	settle("ep_pulled", fmt.Sprintf(`{"ack":["%s"],"nack":[{"receipt":"%s"},{"receipt":"%s","after":"0s"}],"extend":["%s"]}`,
		got[0].Receipt, got[1].Receipt, got[2].Receipt, got[3].Receipt))
	if again := r.polls("ep_pulled", `{"wait":"10s"}`); len(again) == 0 {
		r.t.Error("what was nacked does not come again")
	}
	settle("ep_inorder", fmt.Sprintf(`{"nack":[{"receipt":"%s"}]}`, r.polls("ep_inorder", `{"wait":"10s"}`)[0].Receipt))
	settle("ep_left", fmt.Sprintf(`{"ack":["%s"]}`, left[0].Receipt))
	if err := r.registry.RemoveEndpoint(r.t.Context(), "ep_left"); err != nil {
		r.t.Fatal(err)
	}
	<-time.After(2 * time.Minute)
	if letters := r.lettersOf("ep_left"); len(letters) != 1 {
		r.t.Errorf("dead letters of %q, want ep_left's", letters)
	}
	for _, id := range []schemas.EndpointID{"ep_pulled", "ep_inorder"} {
		if err := r.registry.RemoveEndpoint(r.t.Context(), id); err != nil {
			r.t.Fatal(err)
		}
	}
	<-time.After(2 * time.Minute)
}

func (r *roles) polls(id schemas.EndpointID, body string) []schemas.Pulled {
	r.t.Helper()
	q := httptest.NewRequestWithContext(r.t.Context(), "POST", "/v1/tenants/acme/endpoints/"+string(id)+"/poll", strings.NewReader(body))
	q.Header.Set("Authorization", "Bearer "+rolesToken)
	q.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, q)
	var got struct{ Deliveries []schemas.Pulled }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		r.t.Errorf("poll %s: %d %s", id, w.Code, w.Body)
	}
	return got.Deliveries
}

// TestPulledNatively has a program inside read the same durable consumer with nats.go,
// while another polls.
func TestPulledNatively(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.pulled("ep_a", schemas.Policy{})
		c.poll("ep_a", "") // makes the consumer
		big := testEvent("big")
		_ = big.SetData("application/json", map[string]string{"id": strings.Repeat("x", 20<<10)}) // stays in EVENTS elsewhere
		p.publishEvent(t.Context(), big)
		<-time.After(time.Second)
		p.publish(t.Context(), "e2")
		js, err := jetstream.New(p.nc)
		if err != nil {
			t.Fatal(err)
		}
		consumer, err := js.Consumer(t.Context(), "PULL", "ep_a")
		if err != nil {
			t.Fatal(err)
		}
		m, err := consumer.Next(jetstream.FetchMaxWait(10 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject() != "pull.acme.ep_a" || m.Headers().Get("ce-type") != "order.created" || m.Headers().Get("ce-id") != "big" ||
			!strings.HasPrefix(m.Headers().Get("Tidings-Delivery"), "dlv_") || len(m.Data()) < 20<<10 {
			t.Errorf("%s %v, %d bytes", m.Subject(), m.Headers(), len(m.Data()))
		}
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
		d := c.one("ep_a")
		if d.Event.ID != "e2" {
			t.Errorf("polled %+v", d.Event)
		}
		c.settles("ep_a", "ack", d.Receipt, schemas.SettledDelivered)
		if _, err := consumer.Next(jetstream.FetchMaxWait(time.Second)); err == nil || !errors.Is(err, jetstream.ErrNoMessages) && !strings.Contains(err.Error(), "timeout") {
			t.Errorf("one more: %v", err)
		}
	})
}

// TestAProgramInsideReadsItsQueue runs the lines of deploy/nats/accounts.conf that say
// who may read a queue: such a program may, and nothing else.
func TestAProgramInsideReadsItsQueue(t *testing.T) {
	for _, next := range []bool{false, true} {
		t.Run(fmt.Sprintf("next acks %t", next), func(t *testing.T) { readsItsQueue(t, next) })
	}
}

func readsItsQueue(t *testing.T, nextAcks bool) {
	s, inside := startInside(t, nextAcks)
	s.queues("ep_inside", "ep_other")
	js, err := jetstream.NewWithAPIPrefix(s.with(inside), "TIDINGS.API")
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.Consumer(t.Context(), "PULL", "ep_inside")
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(3, jetstream.FetchMaxWait(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for m := range batch.Messages() {
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if info, err := consumer.Info(t.Context()); err != nil || info.NumPending > 0 || info.NumAckPending > 0 || info.AckFloor.Consumer != 3 {
		t.Errorf("%+v, %v", info, err)
	}
	mayNothingElse(t, js)
}

func mayNothingElse(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := js.Consumer(ctx, "PULL", "ep_other"); err == nil {
		t.Error("it may read another endpoint's queue")
	}
	if _, err := js.Publish(ctx, "pull.acme.ep_inside", nil); err == nil {
		t.Error("it may write to its queue")
	}
}

// startInside runs deploy/nats with those lines, and returns who reads ep_inside.
func startInside(t *testing.T, nextAcks bool) (s *shipped, inside nats.Option) {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	t.Setenv("INSIDE_NKEY", public)
	dir := t.TempDir()
	for _, file := range []string{shippedServer, shippedUsers} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("\n#pull "), []byte("\n"))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return startShippedAs(t, filepath.Join(dir, filepath.Base(shippedServer)), false, func(o *server.Options) {
		o.FeatureFlags = map[string]bool{server.FeatureFlagJsAckFormatV2: nextAcks} // the subjects that a later server will use
	}), nats.Nkey(public, key.Sign)
}

// queues makes the streams, and in PULL three deliveries for each of these endpoints.
func (s *shipped) queues(ids ...schemas.EndpointID) {
	s.t.Helper()
	s.apply()
	js, err := jetstream.New(s.operator())
	for _, id := range ids {
		subject := schemas.PullSubject(testTenant, id)
		for range 3 {
			if err == nil {
				_, err = js.Publish(s.t.Context(), subject, []byte("{}"))
			}
		}
		if err == nil {
			_, err = js.CreateConsumer(s.t.Context(), "PULL", jetstream.ConsumerConfig{
				Durable: schemas.PullConsumer(id), FilterSubject: subject, AckPolicy: jetstream.AckExplicitPolicy,
			})
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
