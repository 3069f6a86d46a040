package dialect_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// body is what a dialect posts for data worded so.
func body(t *testing.T, w dialect.Writer, words catalogue.Words, data string) string {
	t.Helper()
	b, err := w.Body(dialect.Attempt{Delivery: delivery(t, "a", data, accepted), Words: words, At: accepted})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func words(name string, members ...string) catalogue.Words {
	return catalogue.Words{Name: name, Members: members}
}

func TestROQBody(t *testing.T) {
	w := writer(t, schemas.DialectROQ, "key")
	for name, row := range map[string]struct{ event, data, want string }{
		"created": {
			"ROQ_USER_INSERT", `{"current":{"id":"u1"},"previous":null}`,
			`{"name":"ROQ_USER_INSERT","id":"u1","object":"user","data":{"current":{"id":"u1"},"previous":null},"environmentId":"acme"}`,
		},
		"removed: the entity as it was": {
			"ROQ_USER_INVITE_REMOVE", `{"current":null,"previous":{"id":"i1","n":1.50}}`,
			`{"name":"ROQ_USER_INVITE_REMOVE","id":"i1","object":"userInvite","data":{"current":{"id":"i1","n":1.50},"previous":{"id":"i1","n":1.50}},"environmentId":"acme"}`,
		},
		"previous left out": {
			"ROQ_FILE_INSERT", `{"current":{"id":"f1"}}`,
			`{"name":"ROQ_FILE_INSERT","id":"f1","object":"file","data":{"current":{"id":"f1"},"previous":null},"environmentId":"acme"}`,
		},
		"no id": {
			"ROQ_FILE_INSERT", `{"current":[1]}`,
			`{"name":"ROQ_FILE_INSERT","id":null,"object":"file","data":{"current":[1],"previous":null},"environmentId":"acme"}`,
		},
		"an id is written so": {
			"ROQ_FILE_INSERT", `{"current":{"id":"f1","ID":"other"}}`,
			`{"name":"ROQ_FILE_INSERT","id":"f1","object":"file","data":{"current":{"id":"f1","ID":"other"},"previous":null},"environmentId":"acme"}`,
		},
		"a tenant's own, longer": {
			"SHOP_LINE_ITEM_NOTE_UPDATE", `{"current":{"id":7}}`,
			`{"name":"SHOP_LINE_ITEM_NOTE_UPDATE","id":7,"object":"lineItemNote","data":{"current":{"id":7},"previous":null},"environmentId":"acme"}`,
		},
	} {
		if got := body(t, w, words(row.event), row.data); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, row.want)
		}
	}
}

func TestRelayBoxBody(t *testing.T) {
	const session = `{"appPid":"p","user":null}`
	none := `{"appPid":null,"keyId":null,"clientId":null,"connectionId":null,"socketId":null,"timestamp":null,"exp":null,"user":null}`
	for name, row := range map[string]struct {
		mode              schemas.Mode
		words             catalogue.Words
		data              string
		wantData, session string
	}{
		"data beside its session":             {"", words("room:join"), `{"roomId":"r","session":` + session + `}`, `{"roomId":"r"}`, session},
		"no session":                          {"", words("room:join"), `{"roomId":"r"}`, `{"roomId":"r"}`, none},
		"a null session":                      {"", words("room:join"), `{"session":null,"roomId":"r"}`, `{"roomId":"r"}`, none},
		"nothing but a session":               {"", words("auth:session:initialize"), `{"session":` + session + `}`, `null`, session},
		"some members":                        {"", words("user:status:update", "status", "mood"), `{"id":"u","status":"away"}`, `{"status":"away"}`, none},
		"publish, spread":                     {"", words("room:publish"), `{"id":"m","body":{"message":"hi"},"roomId":"r","timestamp":1,"event":"e"}`, `{"message":"hi","roomId":"r","event":"e"}`, none},
		"publish, the room's names win":       {schemas.ModeSpread, words("room:publish"), `{"body":{"event":"x","a":1},"roomId":"r","event":"e"}`, `{"event":"e","a":1,"roomId":"r"}`, none},
		"publish, a message that is a string": {"", words("room:publish"), `{"body":"hi","roomId":"r","event":"e"}`, `{"message":"hi","roomId":"r","event":"e"}`, none},
		"publish, as servers do today":        {schemas.ModeBody, words("room:publish"), `{"id":"m","body":{"message":"hi"},"roomId":"r","timestamp":1,"event":"e"}`, `{"id":"m","body":{"message":"hi"},"roomId":"r","timestamp":1,"event":"e"}`, none},
		"as JavaScript would write it":        {"", words("room:join"), `{"b": 1.50, "10":1, "9":"\u00e9\u2028<", "b": -0}`, `{"9":"é` + "\u2028" + `<","10":1,"b":0}`, none},
	} {
		e := schemas.Endpoint{ID: "ep_a", Tenant: "acme", Dialect: schemas.DialectRelayBox, Mode: row.mode, Secrets: []schemas.Secret{schemas.NewSecret("k")}}
		d, err := dialect.For(schemas.DialectRelayBox)
		if err != nil {
			t.Fatal(err)
		}
		w, err := d.Writer(e)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Data, Session json.RawMessage
			Timestamp     string
		}
		if err := json.Unmarshal([]byte(body(t, w, row.words, row.data)), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.Data) != row.wantData || string(got.Session) != row.session || got.Timestamp != "2025-01-05T10:00:00.123Z" {
			t.Errorf("%s: got data %s session %s at %s\nwant data %s session %s", name, got.Data, got.Session, got.Timestamp, row.wantData, row.session)
		}
	}
}

func TestRelayBoxAttemptsHaveOneIDAndTheirOwnSignature(t *testing.T) {
	w := writer(t, schemas.DialectRelayBox, "k")
	ids, signatures := map[string]bool{}, map[string]bool{}
	for i := range 3 {
		a := dialect.Attempt{Delivery: delivery(t, "a", `{"roomId":"r"}`, accepted), Words: words("room:join"), At: accepted.Add(time.Duration(i) * time.Second)}
		b, err := w.Body(a)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		w.Head(h, a, b)
		v, err := signing.NewVerifier(schemas.DialectRelayBox, "k")
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(h, b, a.At); err != nil {
			t.Error(err)
		}
		var got struct{ ID string }
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		ids[got.ID], signatures[h.Get(signing.HeaderRelayBoxSignature)] = true, true
		if id := h.Get(signing.HeaderRelayBoxID); id != "ep_a" {
			t.Errorf("webhook id %q, want the endpoint's", id)
		}
	}
	if len(ids) != 1 || len(signatures) != 3 {
		t.Errorf("%d ids and %d signatures, want 1 and 3", len(ids), len(signatures))
	}
}

func TestRelayBoxID(t *testing.T) {
	id := func(source, eventID string) string {
		d := delivery(t, "a", `{}`, accepted)
		d.Event["ce-source"], d.Event["ce-id"] = []string{source}, []string{eventID}
		b, err := writer(t, schemas.DialectRelayBox, "k").Body(dialect.Attempt{Delivery: d, Words: words("x"), At: accepted})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ ID string }
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		return got.ID
	}
	const own = "9f0c2f5e-51f0-4a0f-9b0a-1f3d8c7e6a55"
	if got := id("/a", own); got != own {
		t.Errorf("a UUID became %s", got)
	}
	one := id("/a", "1")
	if len(one) != 36 || id("/a", "1") != one {
		t.Errorf("%q is no UUID, or changes", one)
	}
	if id("/b", "1") == one || id("/a", "2") == one {
		t.Error("different events share an id")
	}
}

func TestRoamBody(t *testing.T) {
	w := writer(t, schemas.DialectRoam, signing.NewSecret())
	for name, row := range map[string]struct{ event, data, want string }{
		"as it is":                {"lobby:booked", `{"lobby":{"id":"L"},"n":1.50}`, `{"lobby":{"id":"L"},"n":1.50}`},
		"without RelayBox's part": {"user:status:update", `{"id":"U","session":{"appPid":"p"},"status":"checkedIn"}`, `{"id":"U","status":"checkedIn"}`},
		"On-Air says its name":    {"onair.guest.rsvp", `{"event":{},"guest":{}}`, `{"type":"onair.guest.rsvp","event":{},"guest":{}}`},
		"and only once":           {"onair.guest.rsvp", `{"event":{},"type":"x"}`, `{"type":"onair.guest.rsvp","event":{}}`},
	} {
		if got := body(t, w, words(row.event), row.data); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, row.want)
		}
	}
}

func TestOneRoute(t *testing.T) {
	signed, plain := writer(t, schemas.DialectOneRoute, "OneRoute-secret"), writer(t, schemas.DialectOneRoute)
	const want = `{"event":"newMessage","message":{"content":"Hi"},"conversation":{"id":"c1"}}`
	got := body(t, signed, words("newMessage"), `{"message": {"content":"Hi"}, "conversation": {"id":"c1"}}`)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := body(t, plain, words("newMessage"), `{"event":"forged","message":{}}`); got != `{"event":"newMessage","message":{}}` {
		t.Errorf("an event's data names it: %s", got)
	}
	h := http.Header{}
	signed.Head(h, dialect.Attempt{}, []byte(got))
	const signature = "cb82bbfc94e1f2a2b1aa2d4d8d1763153d8f010c1b67f7c8388721fde125597717b488dc35a1064cf08c45e2af27ebc46b32d5c939fa089aa7f787a4f246d614"
	if h.Get(signing.HeaderOneRoute) != signature {
		t.Errorf("signature %s", h.Get(signing.HeaderOneRoute))
	}
	h = http.Header{}
	plain.Head(h, dialect.Attempt{}, []byte(got))
	if _, ok := h[signing.HeaderOneRoute]; ok {
		t.Error("an endpoint without a secret signs")
	}
}

func TestDataThatADialectCannotWord(t *testing.T) {
	for name, row := range map[string]struct {
		dialect schemas.Dialect
		data    string
	}{
		"roq, an array":         {schemas.DialectROQ, `[]`},
		"roq, neither":          {schemas.DialectROQ, `{"current":null,"previous":null}`},
		"roam, none":            {schemas.DialectRoam, ``},
		"relaybox, a string":    {schemas.DialectRelayBox, `"x"`},
		"oneroute, a number":    {schemas.DialectOneRoute, `1`},
		"oneroute, cut short":   {schemas.DialectOneRoute, `{"a":`},
		"relaybox, no last one": {schemas.DialectRelayBox, `{"a":1,`},
	} {
		d := delivery(t, "a", `{}`, accepted)
		d.Data = []byte(row.data)
		_, err := writer(t, row.dialect, signing.NewSecret()).Body(dialect.Attempt{Delivery: d, Words: words("x"), At: accepted})
		if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "data") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	e := schemas.Endpoint{ID: "ep_a", Dialect: schemas.DialectRoam, Secrets: []schemas.Secret{schemas.NewSecret("whsec_***")}}
	if err := dialect.Check(e); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "ep_a") || !strings.Contains(err.Error(), "secrets[0]") {
		t.Errorf("got %v", err)
	}
	e.Secrets[0] = schemas.NewSecret("whpk_6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=")
	if err := dialect.Check(e); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "public") {
		t.Errorf("a public key: got %v", err)
	}
	e.Secrets[0] = schemas.NewSecret(goldenSecrets[schemas.DialectStandard][0]) // ed25519
	if err := dialect.Check(e); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "v1 signatures only") {
		t.Errorf("ed25519 for Roam: got %v", err)
	}
	for _, key := range []string{"key\n", " key", "a\x01b", "schlüssel"} {
		e.Dialect, e.Secrets[0] = schemas.DialectROQ, schemas.NewSecret(key)
		if err := dialect.Check(e); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "secrets[0]") {
			t.Errorf("ROQ's key %q: got %v", key, err)
		}
	}
	e.Dialect = schemas.DialectRelayBox // any text is a key there
	if err := dialect.Check(e); err != nil {
		t.Error(err)
	}
}

func TestForRefusesWhatItDoesNotKnow(t *testing.T) {
	if _, err := dialect.For("morse"); !schemas.HasCode(err, schemas.CodeInvalid) {
		t.Errorf("got %v", err)
	}
	for _, d := range schemas.Dialects() {
		if _, err := dialect.For(d); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
}
