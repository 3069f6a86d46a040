package roam_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// TestFilters holds the conditions that are stored to what the filters mean.
func TestFilters(t *testing.T) {
	for _, c := range []struct{ event, filter, echo, want string }{
		{"lobby:booked", `{"lobbyId":"L-9"}`, `{"lobbyId":"L-9"}`, `[{"exact":{"/lobby/id":"L-9"}}]`},
		{"chat:message:reaction", `{"codes":["heart"]}`, `{"codes":["heart"]}`, `[{"exact":{"/name":"heart"}}]`},
		{"chat:message:reaction", `{"codes":["tada","heart","tada"]}`, `{"codes":["tada","heart","tada"]}`, `[{"any":[{"exact":{"/name":"heart"}},{"exact":{"/name":"tada"}}]}]`},
		{"onair.event.created", `{"eventId":"e"}`, `{"eventId":"e"}`, `[{"exact":{"/event/id":"e"}}]`},
		{"onair.event.updated", `{"eventId":"e"}`, `{"eventId":"e"}`, `[{"exact":{"/event/id":"e"}}]`},
		{"onair.event.canceled", `{"eventId":"e"}`, `{"eventId":"e"}`, `[{"exact":{"/event/id":"e"}}]`},
		{"onair.guest.added", `{"eventId":"e"}`, `{"eventId":"e"}`, `[{"exact":{"/event/id":"e"}}]`},
		{"onair.guest.rsvp", `{"eventId":"e"}`, `{"eventId":"e"}`, `[{"exact":{"/event/id":"e"}}]`},
		{"onair.guest.rsvp", `{"status":"notGoing"}`, `{"status":"notGoing"}`, `[{"exact":{"/guest/status":"notGoing"}}]`},
		{"onair.guest.rsvp", `{"status":"maybe","eventId":"e"}`, `{"eventId":"e","status":"maybe"}`, `[{"exact":{"/event/id":"e","/guest/status":"maybe"}}]`},
		{"recording:saved", `{}`, ``, `null`},
		{"recording:saved", `null`, ``, `null`},
	} {
		t.Run(c.event+" "+c.filter, func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				body := `{"url":"https://a.test/","event":"` + c.event + `"`
				id := r.subscribed("acme-org", body+`}`)
				if s, _ := r.stored(id); s.Filters != nil {
					t.Errorf("filters %+v without any", s.Filters)
				}
				w := r.post("acme-org", subscribe, asJSON, body+`,"filter":`+c.filter+`}`)
				_, echo, _ := strings.Cut(strings.TrimSuffix(w.Body.String(), "}"), `,"filter":`)
				if echo != c.echo {
					t.Errorf("echoes %s, want %s", echo, c.echo)
				}
				s, _ := r.stored(id)
				if got, _ := json.Marshal(s.Filters); string(got) != c.want {
					t.Errorf("stored %s\nwant   %s", got, c.want)
				}
				if again := r.subscribed("acme-org", body+`}`); again != id {
					t.Errorf("the id became %s", again)
				}
				if s, _ := r.stored(id); s.Filters != nil {
					t.Errorf("filters %+v stay", s.Filters)
				}
			})
		})
	}
}

// TestFilterPointers holds the catalogue to Roam's list of filters: no more, and
// no fewer.
func TestFilterPointers(t *testing.T) {
	want := map[string][]string{
		"lobby:booked": {"lobbyId"}, "chat:message:reaction": {"codes"},
		"onair.event.created": {"eventId"}, "onair.event.updated": {"eventId"}, "onair.event.canceled": {"eventId"},
		"onair.guest.added": {"eventId"}, "onair.guest.rsvp": {"eventId", "status"},
	}
	for _, known := range catalogue.Builtin() {
		words, ok := known.Dialects[schemas.DialectRoam]
		if !ok {
			continue
		}
		var got []string
		for _, name := range []string{"codes", "eventId", "lobbyId", "status"} {
			if known.Filters[name] != "" {
				got = append(got, name)
			}
		}
		if !reflect.DeepEqual(got, want[words.Name]) {
			t.Errorf("%s has the filters %v, want %v", words.Name, got, want[words.Name])
		}
		delete(want, words.Name)
	}
	if len(want) > 0 {
		t.Errorf("the catalogue has none of %v", want)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	url := func(u string) string { return `{"event":"recording:saved","url":"` + u + `"}` }
	filter := func(event, f string) string {
		return `{"url":"https://a.test/","event":"` + event + `","filter":` + f + `}`
	}
	long := "https://a.test/" + strings.Repeat("x", 240)
	cases := []struct{ body, want string }{
		{"", `the body is not a JSON object`},
		{"url=https://a.test/&event=recording:saved", `the body is not a JSON object`},
		{`[]`, `the body is not a JSON object`},
		{`{} {}`, `the body is not a JSON object`},
		{`null`, `url parameter required`},
		{`{"event":"recording:saved"}`, `url parameter required`},
		{url(""), `url parameter required`},
		{`{"url":"https://a.test/"}`, `event parameter required`},
		{`{"url":"https://a.test/","event":null}`, `event parameter required`},
		{`{"url":1,"event":"recording:saved"}`, `url parameter is of another type`},
		{`{"url":"https://a.test/","event":["a"]}`, `event parameter is of another type`},
		{url(long + "x"), `url has more than 255 characters`},
		{url("/hooks"), `url is not absolute`},
		{url("https:///hooks"), `url is not absolute`},
		{url("https://a.test/%zz"), `url does not parse`},
		{url("http://a.test/"), `url is not https: use https`},
		{url("ftp://127.0.0.1/"), `url scheme \"ftp\": use https`},
		{url("https://a.test:0/"), `url has no valid port`},
		{url("https://me:it@a.test/"), `url carries credentials`},
		{`{"url":"https://a.test/","event":"recording"}`, `Unrecognized event \"recording\"`},
		{`{"url":"https://a.test/","event":"user.created"}`, `Unrecognized event \"user.created\"`},
		{`{"url":"https://a.test/","event":"*"}`, `Unrecognized event \"*\"`},
		{filter("recording:saved", `"x"`), `filter parameter is of another type`},
		{filter("recording:saved", `[]`), `filter parameter is of another type`},
		{filter("recording:saved", `{"lobbyId":"1"}`), `filter.lobbyId does not go with the event recording:saved`},
		{filter("recording:saved", `{"recordingId":"1"}`), `filter.recordingId is unknown: use lobbyId, codes, eventId or status`},
		{filter("transcript:started", `{"eventId":"1"}`), `filter.eventId does not go with the event transcript:started`},
		{filter("onair.guest.added", `{"status":"going"}`), `filter.status does not go with the event onair.guest.added`},
		{filter("lobby:booked", `{"lobbyid":"1"}`), `filter.lobbyid is unknown`},
		{filter("lobby:booked", `{"lobbyId":"1","more":1}`), `filter.more is unknown`},
		{filter("lobby:booked", `{"lobbyId":1}`), `filter.lobbyId is not a string with text in it`},
		{filter("lobby:booked", `{"lobbyId":null}`), `filter.lobbyId is not a string with text in it`},
		{filter("lobby:booked", `{"lobbyId":""}`), `filter.lobbyId is not a string with text in it`},
		{filter("lobby:booked", `{"lobbyId":"`+strings.Repeat("x", 1025)+`"}`), `a name or value has more than 1024 bytes`},
		{filter("onair.guest.rsvp", `{"status":"Going"}`), `filter.status is \"Going\": use invited, going, maybe, notGoing`},
		{filter("chat:message:reaction", `{"codes":"heart"}`), `filter.codes is not a list of 1 to 99 names`},
		{filter("chat:message:reaction", `{"codes":[]}`), `filter.codes is not a list`},
		{filter("chat:message:reaction", `{"codes":["a",""]}`), `filter.codes is not a list`},
		{filter("chat:message:reaction", `{"codes":[`+strings.Repeat(`"a",`, 99)+`"a"]}`), `filter.codes is not a list`},
		{`{"url":"https://a.test/` + strings.Repeat("x", 64<<10) + `"}`, `the body could not be read: http: request body too large`},
	}
	inRig(t, func(t *testing.T, r *rig) {
		for _, c := range cases {
			w := r.post("acme-org", subscribe, asJSON, c.body)
			if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), `{"error":"`) || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%.80s: got %d %s\nwant 400 %s", c.body, w.Code, w.Body, c.want)
			}
		}
		if r.counts() != [2]int{} {
			t.Errorf("they stored %d", r.counts())
		}
	})
}

// TestSubscribeTakes is about requests at the edge of what is refused.
func TestSubscribeTakes(t *testing.T) {
	inRig(t, func(_ *testing.T, r *rig) {
		for _, body := range []string{
			`{"url":"https://a.test/` + strings.Repeat("x", 240) + `","event":"recording:saved"}`,
			`{"url":"http://127.0.0.1:9/","event":"recording:saved"}`, // for local work
			`{"url":"https://a.test/","event":"recording:saved","apiVersion":"2026-01-01"}`,
			`{"url":"https://a.test/","event":"chat:message:reaction","filter":{"codes":[` + strings.Repeat(`"a",`, 98) + `"b"]}}`,
		} {
			r.subscribed("acme-org", body)
		}
		var each []string
		for i := range 99 {
			each = append(each, `"`+strings.Repeat("a", i+1)+`"`)
		}
		r.subscribed("acme-org", `{"url":"https://a.test/","event":"chat:message:reaction","filter":{"codes":[`+strings.Join(each, ",")+`]}}`)
	})
}
