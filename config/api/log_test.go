package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// accepted is when the first event of [rig.logged] was.
var accepted = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// logged fills the log of acme: event 1 was delivered to an endpoint at the second
// attempt, event 2 died, event 3 matched nothing, event 4 is waiting, and event 5 is
// delivered and forgotten. It returns the first delivery, and a replay that nobody
// runs.
func (r *rig) logged(endpoint string) (delivery, job string) {
	r.tb.Helper()
	r.madeAt("acme", accepted)
	to := schemas.EndpointID(endpoint)
	var body []byte
	event := func(n int, id string, endpoints ...schemas.EndpointID) schemas.EventSummary {
		about := schemas.EventSummary{ID: id, Source: "/s", Type: "user.created", Subject: "u1", Size: 7, Time: accepted, Trace: strings.Repeat("a", 32)}
		body = schemas.AppendRecord(body, schemas.Record{Event: &schemas.EventRecord{
			Sequence: uint64(n), Accepted: accepted.Add(time.Duration(n) * time.Minute), EventSummary: about, Endpoints: endpoints,
		}})
		return about
	}
	attempt := func(n, number, status int, kind schemas.Kind, reason schemas.Reason) {
		at := accepted.Add(time.Duration(n) * time.Minute)
		a := &schemas.AttemptRecord{
			Delivery: schemas.NewDeliveryID(at, uint64(n), to), Endpoint: to, Kind: kind, Reason: reason, Dispatcher: "host-1",
			Attempt: schemas.Attempt{Number: number, At: at.Add(time.Duration(number) * time.Second), Status: status, Reason: reason, Duration: schemas.Duration(time.Millisecond)},
			Exchange: &schemas.Exchange{
				URL: "https://example.com/hooks", Sent: 7, Header: schemas.Header{"Webhook-Id": {"x"}}, Got: 4, Body: "busy",
				Answer: schemas.Header{"Retry-After": {"1"}}, Timings: schemas.Timings{FirstByte: schemas.Duration(time.Millisecond)},
			},
		}
		if kind == schemas.Retry {
			a.Next = a.Attempt.At.Add(time.Second)
		}
		body = schemas.AppendRecord(body, schemas.Record{Attempt: a})
	}
	event(1, "first", to)
	attempt(1, 1, 503, schemas.Retry, schemas.ReasonServerError)
	attempt(1, 2, 204, schemas.Delivered, schemas.ReasonOK)
	event(2, "second", to)
	attempt(2, 1, 400, schemas.Dead, schemas.ReasonNotRetried)
	event(3, "third")
	event(4, "fourth", to)
	event(5, "forgotten", to)
	attempt(5, 1, 204, schemas.Delivered, schemas.ReasonOK)
	js, err := jetstream.New(r.env.NC)
	must(r.tb, err)
	ack, err := js.Publish(r.tb.Context(), schemas.LogSubject("acme"), body)
	must(r.tb, err)
	r.project(js, ack.Sequence)
	j, _ := r.do(201, "POST", "/v1/tenants/acme/replays", `{"endpoint":"`+endpoint+`","which":"failed","since":"2026-01-31T12:00:00Z"}`)
	return string(schemas.NewDeliveryID(accepted.Add(time.Minute), 1, to)), j["id"].(string)
}

// madeAt has a tenant be as old as its log.
func (r *rig) madeAt(tenant string, at time.Time) {
	r.tb.Helper()
	record, err := r.env.Registry.Get(r.tb.Context(), "tenant."+tenant)
	must(r.tb, err)
	var t schemas.Tenant
	must(r.tb, json.Unmarshal(record.Value(), &t))
	t.Created = at
	_, err = r.env.Registry.Put(r.tb.Context(), record.Key(), []byte(toJSON(t)))
	must(r.tb, err)
	must(r.tb, r.options.CaughtUp(r.tb.Context()))
}

// project runs the projection until it has come to a sequence of LOG.
func (r *rig) project(js jetstream.JetStream, until uint64) {
	r.tb.Helper()
	ctx, cancel := context.WithCancel(r.tb.Context())
	p, ended := deliverylog.NewProjector(js, r.store, deliverylog.Options{}), make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for {
		progress, err := p.Progress(ctx)
		must(r.tb, err)
		if progress.Applied >= until {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	cancel()
	must(r.tb, <-ended)
}

// deliveryLog asks for all that there is in the log.
func (r *rig) deliveryLog(endpoint string) {
	id, job := r.logged(endpoint)
	for _, path := range []string{"/events", "/deliveries", "/deliveries/" + id, "/counts", "/counts/endpoints", "/replays?dry_run=false", "/replays", "/replays/" + job} {
		r.do(200, "GET", "/v1/tenants/acme"+path, "")
	}
	place := string(schemas.NewDeliveryID(accepted.Add(time.Minute), 1, ""))
	r.do(200, "GET", "/v1/tenants/acme/events/"+place, "")
	r.do(202, "POST", "/v1/tenants/acme/deliveries/"+id+"/resend", "")
	r.do(200, "POST", "/v1/tenants/acme/replays/"+job+"/cancel", "")
	r.erasures()
}

// idsOf are the ids in a page.
func idsOf(page map[string]any, name func(map[string]any) any) string {
	var ids []string
	for _, item := range page["items"].([]any) {
		ids = append(ids, fmt.Sprint(name(item.(map[string]any))))
	}
	return strings.Join(ids, " ")
}

func eventOf(item map[string]any) any { return item["event"].(map[string]any)["id"] }
func idOf(item map[string]any) any    { return item["id"] }

func TestDeliveries(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	id, _ := r.logged(endpoint)
	const list = "/v1/tenants/acme/deliveries"
	for query, want := range map[string]string{
		"":                                   "forgotten fourth second first",
		"?limit=2":                           "forgotten fourth",
		"?status=dead":                       "second",
		"?status=waiting":                    "fourth",
		"?status=delivered&event=first":      "first",
		"?code=400":                          "second",
		"?reason=not_retried":                "second",
		"?type=user.created&subject=u1":      "forgotten fourth second first",
		"?type=no.such":                      "",
		"?endpoint=" + endpoint:              "forgotten fourth second first",
		"?endpoint=ep_none":                  "",
		"?id=" + id:                          "first",
		"?since=2026-01-31T12:02:00Z":        "forgotten fourth second",
		"?until=2026-01-31T14:02:00%2B02:00": "first",
	} {
		page, _ := r.do(200, "GET", list+query, "")
		if got := idsOf(page, eventOf); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	page, _ := r.do(200, "GET", list+"?limit=3", "")
	page, _ = r.do(200, "GET", list+"?limit=3&cursor="+page["next"].(string), "")
	if got := idsOf(page, eventOf); got != "first" || page["next"] != nil {
		t.Errorf("the second page is %s, and next %v", got, page["next"])
	}
	for query, field := range map[string]string{
		"?status=lost": "status", "?reason=bogus": "reason", "?code=99": "code", "?since=now": "since", "?limit=0": "limit",
		"?since=2026-01-31T12:00:00Z&until=2026-01-31T12:00:00Z": "until",
	} {
		if p, _ := r.do(400, "GET", list+query, ""); p["field"] != field {
			t.Errorf("%s: %v", query, p)
		}
	}
	r.do(400, "GET", list+"?cursor=nonsense", "")
	r.do(400, "GET", list+"?id=nonsense", "")
}

func TestDelivery(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	id, _ := r.logged(endpoint)
	d, _ := r.do(200, "GET", "/v1/tenants/acme/deliveries/"+id, "")
	history := d["history"].([]any)
	if d["status"] != "delivered" || d["attempts"] != 2.0 || len(history) != 2 {
		t.Fatalf("got %v", d)
	}
	first := history[0].(map[string]any)
	if first["outcome"] != "retry" || first["status"] != 503.0 || first["next"] == nil || first["exchange"].(map[string]any)["body"] != "busy" {
		t.Errorf("the first attempt: %v", first)
	}
	r.do(404, "GET", "/v1/tenants/other/deliveries/"+id, "")
	r.do(404, "GET", "/v1/tenants/acme/deliveries/nonsense", "")
}

func TestResend(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	id, _ := r.logged(endpoint)
	nth := func(n int) string {
		return "/v1/tenants/acme/deliveries/" + string(schemas.NewDeliveryID(accepted.Add(time.Duration(n)*time.Minute), uint64(n), schemas.EndpointID(endpoint))) + "/resend"
	}
	if got, _ := r.do(202, "POST", nth(1), ""); got["delivery"] != id {
		t.Errorf("got %v", got)
	}
	r.do(202, "POST", nth(2), "")
	for n, want := range map[int]string{4: "on its way", 5: "no longer stored"} {
		if p, _ := r.do(409, "POST", nth(n), ""); !strings.Contains(p["detail"].(string), want) {
			t.Errorf("event %d: %v", n, p)
		}
	}
	r.do(404, "POST", nth(6), "")
	_, err := r.registry.UpdateEndpoint(t.Context(), "acme", schemas.EndpointID(endpoint), 0, func(e *schemas.Endpoint) error {
		e.Disabled = "gone"
		return nil
	})
	must(t, err)
	if p, _ := r.do(409, "POST", nth(1), ""); !strings.Contains(p["detail"].(string), "enable it first") {
		t.Errorf("of an endpoint that is disabled: %v", p)
	}
	r.do(204, "DELETE", "/v1/tenants/acme/endpoints/"+endpoint, "")
	r.do(404, "POST", nth(1), "")
	r.do(200, "GET", strings.TrimSuffix(nth(1), "/resend"), "") // what is past stays
}

func TestEvents(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	r.logged(endpoint)
	const list = "/v1/tenants/acme/events"
	for query, want := range map[string]string{
		"":                    "forgotten fourth third second first",
		"?unmatched=true":     "third",
		"?dead=true":          "",
		"?id=first&source=/s": "first",
		"?subject=u2":         "",
	} {
		page, _ := r.do(200, "GET", list+query, "")
		if got := idsOf(page, idOf); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	r.do(400, "GET", list+"?dead=maybe", "")
	soon := deliverylog.Event{
		Place: schemas.NewDeliveryID(accepted.Add(time.Hour), 9, ""), Sequence: 9, Accepted: accepted.Add(time.Hour), Pending: true,
		EventSummary: schemas.EventSummary{ID: "soon", Source: "/s", Type: "user.created"},
	}
	r.pending = []deliverylog.Event{soon}
	for query, want := range map[string]string{
		"?limit=1": "soon forgotten", "?id=soon": "soon", "?type=no.such": "", "?unmatched=true": "third", "?until=2026-01-31T13:00:00Z": "forgotten fourth third second first",
	} {
		page, _ := r.do(200, "GET", list+query, "")
		if got := idsOf(page, idOf); got != want {
			t.Errorf("with one that is pending, %s: got %s, want %s", query, got, want)
		}
	}
	if e, _ := r.do(200, "GET", list+"/"+string(soon.Place), ""); e["pending"] != true {
		t.Errorf("got %v", e)
	}
	page, _ := r.do(200, "GET", list+"?id=second", "")
	place := page["items"].([]any)[0].(map[string]any)["place"].(string)
	e, _ := r.do(200, "GET", list+"/"+place, "")
	if deliveries := e["deliveries"].([]any); e["matched"] != 1.0 || len(deliveries) != 1 || deliveries[0].(map[string]any)["status"] != "dead" {
		t.Errorf("got %v", e)
	}
	r.do(404, "GET", "/v1/tenants/other/events/"+place, "")
	r.do(404, "GET", list+"/nonsense", "")
}

func TestCounts(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	r.logged(endpoint)
	const span = "?since=2026-01-31T12:00:00Z&until=2026-01-31T12:10:00Z&step=5m"
	page, _ := r.do(200, "GET", "/v1/tenants/acme/counts"+span, "")
	points := page["items"].([]any)
	if len(points) != 2 {
		t.Fatalf("%d points: %v", len(points), points)
	}
	if p := points[0].(map[string]any); p["accepted"] != 4.0 || p["attempts"] != 3.0 || p["dead"] != 1.0 {
		t.Errorf("the first 5 minutes: %v", p)
	}
	r.do(200, "GET", "/v1/tenants/acme/counts?endpoint="+endpoint, "") // the last day
	r.do(400, "GET", "/v1/tenants/acme/counts?step=10s", "")
	r.do(400, "GET", "/v1/tenants/acme/counts?step=often", "")
}

// The endpoints that fare worst, by their names; those that are gone are left out.
func TestFailingEndpoints(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	r.logged(endpoint)
	const list = "/v1/tenants/acme/counts/endpoints"
	const span = "?since=2026-01-31T12:00:00Z&until=2026-01-31T12:10:00Z"
	r.do(200, "PATCH", "/v1/tenants/acme/endpoints/"+endpoint, `{"name":"billing"}`)
	page, _ := r.do(200, "GET", list+span+"&limit=1", "")
	want := fmt.Sprint(map[string]any{"endpoint": endpoint, "name": "billing", "status": "active", "attempts": 4.0, "delivered": 2.0, "retried": 1.0, "dead": 1.0})
	if got := page["items"].([]any); len(got) != 1 || fmt.Sprint(got[0]) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for _, path := range []string{"/v1/tenants/other/counts/endpoints" + span, list + "?since=2026-01-31T12:10:00Z&until=2026-01-31T12:20:00Z"} {
		if page, _ := r.do(200, "GET", path, ""); len(page["items"].([]any)) != 0 {
			t.Errorf("%s: %v", path, page)
		}
	}
	for query, field := range map[string]string{"?since=2126-01-31T12:00:00Z": "since", "?since=soon": "since", "?limit=0": "limit"} {
		if p, _ := r.do(400, "GET", list+query, ""); p["field"] != field {
			t.Errorf("%s: %v", query, p)
		}
	}
	r.do(204, "DELETE", "/v1/tenants/acme/endpoints/"+endpoint, "")
	if page, _ := r.do(200, "GET", list+span, ""); len(page["items"].([]any)) != 0 {
		t.Errorf("of an endpoint that is gone: %v", page)
	}
}

func TestReplays(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	_, id := r.logged(endpoint)
	const list = "/v1/tenants/acme/replays"
	j, _ := r.do(200, "GET", list+"/"+id, "")
	if j["state"] != "running" || j["rate"] != 100.0 || j["runner"] != nil {
		t.Errorf("got %v", j)
	}
	if page, _ := r.do(200, "GET", list, ""); idsOf(page, idOf) != id {
		t.Errorf("got %v", page)
	}
	stored, err := r.registry.Job(t.Context(), "acme", id)
	must(t, err)
	stored.Text = []byte(strings.Replace(string(stored.Text), `"skipped":0`, `"skipped":4,"skipped_by":{"endpoint_deleted":3,"event_not_stored":1}`, 1))
	_, err = r.registry.SetJob(t.Context(), "acme", id, stored)
	must(t, err)
	if j, _ = r.do(200, "GET", list+"/"+id, ""); fmt.Sprint(j["skipped"], j["skipped_by"]) != "4 map[endpoint_deleted:3 event_not_stored:1]" {
		t.Errorf("got %v", j)
	}
	count, _ := r.do(201, "POST", list, `{"which":"all","since":"2026-01-31T12:00:00Z","dry_run":true}`)
	for query, want := range map[string]string{"?dry_run=false": id, "?dry_run=true": count["id"].(string), "": count["id"].(string) + " " + id} {
		if page, _ := r.do(200, "GET", list+query, ""); idsOf(page, idOf) != want {
			t.Errorf("%s: got %v, want %s", query, page, want)
		}
	}
	r.do(400, "GET", list+"?dry_run=maybe", "")
	r.do(404, "GET", "/v1/tenants/other/replays/"+id, "")
	if j, _ := r.do(200, "POST", list+"/"+id+"/cancel", ""); j["state"] != "cancelled" {
		t.Errorf("got %v", j)
	}
	for body, field := range map[string]any{
		`{"which":"some","since":"2026-01-31T12:00:00Z"}`:    "which",
		`{"which":"missing","since":"2026-01-31T12:00:00Z"}`: "endpoint",
		`{"which":"failed"}`: "since",
		`{"which":"failed","since":"2026-01-31T12:00:00Z","reason":"bogus"}`:   "reason",
		`{"which":"failed","since":"2026-01-31T12:00:00Z","types":["order*"]}`: "types",
		`{"which":"failed","since":"2026-01-31T12:00:00Z","rate":-1}`:          "rate",
	} {
		if p, _ := r.do(400, "POST", list, body); p["field"] != field {
			t.Errorf("%s: %v", body, p)
		}
	}
	r.do(404, "POST", list, `{"which":"failed","since":"2026-01-31T12:00:00Z","endpoint":"ep_none"}`)

	user := r.token(schemas.Token{Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"u1"}})
	e, _ := r.as(user, 201, "POST /v1/tenants/acme/endpoints", `{"url":"https://example.com/u1"}`)
	own, _ := r.as(user, 201, "POST "+list, `{"which":"missing","since":"2026-01-31T12:00:00Z","dry_run":true,"endpoint":"`+e["id"].(string)+`"}`)
	r.as(user, 404, "POST "+list, `{"which":"failed","since":"2026-01-31T12:00:00Z","endpoint":"`+endpoint+`"}`)
	if page, _ := r.as(user, 200, "GET "+list, ""); idsOf(page, idOf) != own["id"] {
		t.Errorf("a user sees %v", page)
	}
	r.as(user, 404, "POST "+list+"/"+id+"/cancel", "")
	r.as(user, 200, "GET /v1/tenants/acme/deliveries?endpoint="+e["id"].(string), "")
	r.as(user, 404, "GET /v1/tenants/acme/deliveries?endpoint="+endpoint, "")
}
