package schemas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/schemas"
)

func records() []schemas.Record {
	at := time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)
	about := schemas.EventSummary{ID: "e <1>", Source: "/s", Type: "user.created", Subject: "u1"}
	whole := about
	whole.Time, whole.Size, whole.Trace = at, 12, "4bf92f3577b34da6a3ce929d0e0e4736"
	return []schemas.Record{
		{Event: &schemas.EventRecord{Sequence: 7, Accepted: at, EventSummary: whole, Endpoints: []schemas.EndpointID{"ep_a", "ep_b"}}},
		{Event: &schemas.EventRecord{Sequence: 8, Accepted: at, Dead: schemas.ReasonEventInvalid, Detail: "no id"}},
		{Attempt: &schemas.AttemptRecord{
			Delivery: schemas.NewDeliveryID(at, 7, "ep_a"), Endpoint: "ep_a", Event: about,
			Attempt: schemas.Attempt{Number: 1, At: at, Duration: schemas.Duration(time.Millisecond), Status: 503, Reason: schemas.ReasonServerError, Detail: "503"},
			Kind:    schemas.Retry, Reason: schemas.ReasonServerError, Next: at.Add(time.Minute), Dispatcher: "host-1",
			Exchange: &schemas.Exchange{
				URL: "https://a.test/in", Sent: 12, Header: schemas.Header{"Webhook-Id": {"x"}}, Got: 4, Body: "busy\n",
				Answer: schemas.Header{"Retry-After": {"60"}}, Timings: schemas.Timings{FirstByte: schemas.Duration(time.Millisecond)},
			},
		}},
		{Attempt: &schemas.AttemptRecord{
			Delivery: schemas.NewDeliveryID(at, 7, "ep_b"), Endpoint: "ep_b", Event: about, Attempt: schemas.Attempt{At: at},
			Kind: schemas.Dead, Reason: schemas.ReasonQueueFull, Replay: at,
		}},
		{Replay: &schemas.ReplayRecord{Delivery: schemas.NewDeliveryID(at, 7, "ep_b"), Endpoint: "ep_b", Asked: at, Job: "rpl_1"}},
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	want := records()
	var body []byte
	for _, r := range want {
		body = schemas.AppendRecord(body, r)
	}
	body = append(body, "{\"later\":{}}\nnothing\n"...)
	tenant, got, unread, err := schemas.ReadRecords(schemas.LogSubject("acme"), body)
	if err != nil || tenant != "acme" || unread != 2 {
		t.Errorf("tenant %q, %d unread, error %v; want acme, 2, none", tenant, unread, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What was stored once is read for ever.
func TestRecordsOfVersion1(t *testing.T) {
	const stored = `{"event":{"seq":7,"accepted":"2026-11-22T10:00:00.123Z","id":"e <1>","source":"/s","type":"user.created","subject":"u1","time":"2026-11-22T10:00:00.123Z","size":12,"trace":"4bf92f3577b34da6a3ce929d0e0e4736","endpoints":["ep_a","ep_b"]}}
{"event":{"seq":8,"accepted":"2026-11-22T10:00:00.123Z","dead":"event_invalid","detail":"no id"}}
{"attempt":{"delivery":"dlv_036o4ieudc0000003jsa6lglhs94fng8","endpoint":"ep_a","of":{"id":"e <1>","source":"/s","type":"user.created","subject":"u1"},"attempt":{"n":1,"at":"2026-11-22T10:00:00.123Z","took":"1ms","status":503,"reason":"server_error","detail":"503"},"outcome":"retry","why":"server_error","next":"2026-11-22T10:01:00.123Z","exchange":{"url":"https://a.test/in","sent":12,"header":{"Webhook-Id":["x"]},"got":4,"body":"busy\n","answer":{"Retry-After":["60"]},"timings":{"first_byte":"1ms"}},"by":"host-1"}}
{"attempt":{"delivery":"dlv_036o4ieudc0000003jsa6lglhs94fng8","endpoint":"ep_b","of":{"id":"e <1>","source":"/s","type":"user.created","subject":"u1"},"attempt":{"n":0,"at":"2026-11-22T10:00:00.123Z","took":"0s","reason":""},"outcome":"dead","replay":"2026-11-22T10:00:00.123Z","why":"queue_full"}}
{"replay":{"delivery":"dlv_036o4ieudc0000003jsa6lglhs94fng8","endpoint":"ep_b","asked":"2026-11-22T10:00:00.123Z","job":"rpl_1"}}
`
	_, got, unread, err := schemas.ReadRecords("log.acme", []byte(stored))
	if err != nil || unread > 0 {
		t.Errorf("%d unread, error %v", unread, err)
	}
	want := records()
	for i := range want {
		if a := want[i].Attempt; a != nil {
			a.Delivery = got[i].Attempt.Delivery
		}
		if r := want[i].Replay; r != nil {
			r.Delivery = got[i].Replay.Delivery
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var written []byte
	for _, r := range got {
		written = schemas.AppendRecord(written, r)
	}
	if diff := cmp.Diff(strings.Split(stored, "\n"), strings.Split(string(written), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestLogSubject(t *testing.T) {
	for _, subject := range []string{"", "log.", "log.a.b", "log.A", "dead.acme"} {
		if _, err := schemas.LogTenant(subject); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%q: got %v, want it refused", subject, err)
		}
	}
}
