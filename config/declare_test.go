package config_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

const everything = `
tokens:
  - {id: tok_root, name: Root, secret: {env: TIDINGS_TEST_ROOT}}
tenants:
  - id: acme
    tokens:
      - id: tok_ci
        scope: publish
        expires: 2030-01-01T01:00:00+01:00
        secret: {sha256: 8F434346648F6B96DF89DDA901C5176B10A6D83961DD3C1AC88B59B2DC327AA4}
      - {id: tok_ada, scope: personal, user: [u1, ada@example.com], secret: {file: ada.txt}}
    endpoints:
      - id: ep_a
        url: https://example.com
        paused: true
        secrets: [{value: ` + secretA + `}, {env: TIDINGS_TEST_OLD, expires: 2027-01-01T00:00:00Z}]
        headers:
          X-Team: {value: blue}
          Authorization: {env: TIDINGS_TEST_HEADER}
        policy:
          {timeout: 5s, retry: [], concurrency: 8, rate: 10/s, burst: 5, max_age: 24h, max_payload: 65536, order: fifo, order_key: partitionkey, backlog: in_order,
            max_held: 1000, breaker: on, auto_disable: off, disable_after: 48h, statuses: {404: dead, 5xx: retry, "410": disable}, trace: true}
        subscribe: [user.*]
        channel: c1
        subscriptions:
          - id: sub_all
            types: [lobby.booked]
            user: [u1]
            channel: c2
            deliver_from: all
            filters:
              - exact: {subject: l1, /count: 5, /open: true}
              - any: [{prefix: {source: /a}}, {not: {suffix: {type: d}}}, {all: [{sql: "subject = 'x'"}]}]
              - cel: data.lobby.id == 'l1'
          - {id: sub_since, types: ["*"], deliver_from: 2026-11-01T00:00:00Z}
          - {types: [user.created]}
`

func TestReadFileOfEverything(t *testing.T) {
	root, old := strings.Repeat("root", 5), secretB
	t.Setenv("TIDINGS_TEST_ROOT", root)
	t.Setenv("TIDINGS_TEST_OLD", old)
	t.Setenv("TIDINGS_TEST_HEADER", "Bearer hunter2")
	got, err := readBeside(t, everything, map[string]string{"ada.txt": " presented-by-ada-alone\n"})
	if err != nil {
		t.Fatal(err)
	}
	hash := func(text string) string {
		digest := sha256.Sum256([]byte(text))
		return hex.EncodeToString(digest[:])
	}
	wantTokens := []schemas.Token{
		{ID: "tok_root", Name: "Root", Scope: schemas.TokenAdmin, Hash: hash(root)},
		{
			ID: "tok_ci", Tenant: "acme", Scope: schemas.TokenPublish, Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
			Hash: "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
		},
		{ID: "tok_ada", Tenant: "acme", Scope: schemas.TokenPersonal, User: []string{"u1", "ada@example.com"}, Hash: hash("presented-by-ada-alone")},
	}
	if !reflect.DeepEqual(got.Tokens, wantTokens) {
		t.Errorf("tokens %+v\nwant   %+v", got.Tokens, wantTokens)
	}
	secret := schemas.NewSecret
	wantEndpoint := schemas.Endpoint{
		ID: "ep_a", Tenant: "acme", URL: "https://example.com", Paused: true,
		Secrets: []schemas.Secret{secret(secretA), secret(old).Until(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))},
		Headers: map[string]schemas.Secret{"X-Team": secret("blue"), "Authorization": secret("Bearer hunter2")},
		Policy: schemas.Policy{
			Timeout: schemas.Duration(5 * time.Second), Retry: []schemas.Duration{}, Concurrency: 8, Rate: schemas.Rate{Count: 10, Per: time.Second}, Burst: 5,
			MaxAge: schemas.Duration(24 * time.Hour), MaxPayload: 65536, Order: schemas.OrderFIFO, OrderKey: "partitionkey", Backlog: schemas.BacklogInOrder,
			MaxHeld: 1000, Breaker: schemas.SwitchOn, AutoDisable: schemas.SwitchOff, DisableAfter: schemas.Duration(48 * time.Hour),
			Statuses: map[string]schemas.StatusAction{"404": schemas.StatusDead, "5xx": schemas.StatusRetry, "410": schemas.StatusDisable}, Trace: true,
		},
	}
	if !reflect.DeepEqual(got.Endpoints, []schemas.Endpoint{wantEndpoint}) {
		t.Errorf("endpoints %+v\nwant      %+v", got.Endpoints, wantEndpoint)
	}
	for policy, i := reflect.ValueOf(wantEndpoint.Policy), 0; i < policy.NumField(); i++ {
		if policy.Field(i).IsZero() {
			t.Errorf("not everything: give the policy %s too", policy.Type().Field(i).Name)
		}
	}
	pair := func(name, value string) map[string]string { return map[string]string{name: value} }
	wantSubscriptions := []schemas.Subscription{
		{ID: "sub_a", Types: []schemas.TypePattern{"user.*"}, Channel: "c1"},
		{
			ID: "sub_all", Types: []schemas.TypePattern{"lobby.booked"}, User: []string{"u1"}, Channel: "c2",
			History: &schemas.History{State: schemas.HistoryReading},
			Filters: []schemas.Filter{
				{Exact: map[string]string{"subject": "l1", "/count": "5", "/open": "true"}},
				{Any: []schemas.Filter{
					{Prefix: pair("source", "/a")},
					{Not: &schemas.Filter{Suffix: pair("type", "d")}},
					{All: []schemas.Filter{{SQL: "subject = 'x'"}}},
				}},
				{CEL: "data.lobby.id == 'l1'"},
			},
		},
		{
			ID: "sub_since", Types: []schemas.TypePattern{"*"},
			History: &schemas.History{State: schemas.HistoryReading, From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		},
		{ID: got.Subscriptions[len(got.Subscriptions)-1].ID, Types: []schemas.TypePattern{"user.created"}},
	}
	for i := range wantSubscriptions {
		wantSubscriptions[i].Tenant, wantSubscriptions[i].Endpoint = "acme", "ep_a"
	}
	if !reflect.DeepEqual(got.Subscriptions, wantSubscriptions) {
		t.Errorf("subscriptions %+v\nwant          %+v", got.Subscriptions, wantSubscriptions)
	}
}

// TestSubscriptionsWithoutIDsKeepTheirs whatever stands before them: an id that
// went by the place would rewrite the records of all that follow.
func TestSubscriptionsWithoutIDsKeepTheirs(t *testing.T) {
	ids := func(list string) map[string]schemas.SubscriptionID {
		d, err := read(t, acme("url: https://example.com", "secrets: [{value: "+secretA+"}]", "subscriptions: ["+list+"]"))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]schemas.SubscriptionID{}
		for _, s := range d.Subscriptions {
			found[string(s.Types[0])] = s.ID
		}
		return found
	}
	one := ids("{types: [a.b]}, {types: [c.d], channel: x}")
	two := ids("{types: [e.f]}, {types: [c.d], channel: x}, {types: [a.b]}")
	if one["a.b"] != two["a.b"] || one["c.d"] != two["c.d"] || !strings.HasPrefix(string(one["a.b"]), "sub_a_") {
		t.Errorf("%v and then %v", one, two)
	}
	if other := ids("{types: [c.d], channel: y}"); other["c.d"] == one["c.d"] {
		t.Errorf("two channels are one subscription: %v", other)
	}
	long := strings.Replace(acme("url: https://example.com", "secrets: [{value: "+secretA+"}]", "subscriptions: [{types: [a.b]}]"), "ep_a", "ep_"+strings.Repeat("a", 60), 1)
	if _, err := read(t, long); err != nil {
		t.Errorf("an endpoint with a long id: %v", err)
	}
}

func TestReadFileRefusesWhatIsNew(t *testing.T) {
	t.Setenv("TIDINGS_TEST_SHORT", "hunter2")
	t.Setenv("TIDINGS_TEST_EMPTY", "")
	t.Setenv("TIDINGS_TEST_LONG", "hunter2hunter2hunter2")
	token := func(rest string) string {
		return "tenants:\n  - id: acme\n    tokens:\n      - {id: tok_a, " + rest + "}\n"
	}
	endpoint := func(line string) string {
		return acme("url: https://example.com", "secrets: [{value: "+secretA+"}]", line)
	}
	const atToken, atEndpoint = "tenants[0].tokens[0]", "tenants[0].endpoints[0]"
	const sum = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
	cases := []struct {
		name, text string
		line       int
		want       string // the field, ": " and the beginning of the problem
	}{
		{"token without a secret", token("scope: publish"), 4, atToken + ".secret: declares nothing: give env or file or sha256"},
		{"token in clear", token("scope: publish, secret: {value: hunter2}"), 4, atToken + ".secret: has a value: give env, file, or sha256"},
		{"token of two ways", token("scope: publish, secret: {sha256: " + sum + ", env: X}"), 4, atToken + ".secret: has 2 of env, file, sha256: give exactly one"},
		{"token in another way", token("scope: publish, secret: {hunter2: x}"), 4, atToken + ".secret: has an unknown member: use env, file, sha256"},
		{"token as text", token("scope: publish, secret: hunter2"), 4, atToken + ".secret: must be a mapping"},
		{"token too short", token("scope: publish, secret: {env: TIDINGS_TEST_SHORT}"), 4, atToken + ".secret: environment variable TIDINGS_TEST_SHORT has 7 characters: use at least 20"},
		{"token that is not set", token("scope: publish, secret: {env: TIDINGS_TEST_UNSET}"), 4, atToken + ".secret: environment variable TIDINGS_TEST_UNSET is not set"},
		{"token that is no hash", token("scope: publish, secret: {sha256: hunter2}"), 4, atToken + ".secret.sha256: must be a SHA-256 in hex, which has 64 digits"},
		{"the same token twice", token("scope: publish, secret: {sha256: "+sum+"}") + "      - {id: tok_b, scope: publish, secret: {sha256: " + sum + "}}\n", 5, "tenants[0].tokens[1].secret: is the secret of another token: it is at line 4 already"},
		{"a token's id twice", token("scope: publish, secret: {sha256: "+sum+"}") + "      - {id: tok_a, scope: publish, secret: {env: TIDINGS_TEST_LONG}}\n", 5, `tenants[0].tokens[1].id: "tok_a" is declared twice`},
		{"no scope", token("secret: {sha256: " + sum + "}"), 4, atToken + `: scope "" is unknown: use "admin",`},
		{"a wrong scope", token("scope: all, secret: {sha256: " + sum + "}"), 4, atToken + `.scope: "all" is unknown`},
		{"admin of a tenant", token("scope: admin, secret: {sha256: " + sum + "}"), 4, atToken + ".scope: an administrator's token is no tenant's: put it"},
		{"a tenant's token at the top", "tokens:\n  - id: tok_a\n    secret: {sha256: " + sum + "}\n    scope: publish\n", 4, "tokens[0].scope: tokens at the top are for administrators"},
		{"personal without a user", token("scope: personal, secret: {sha256: " + sum + "}"), 4, atToken + ": user goes with the scope personal, and only with it"},
		{"an empty user", token("scope: personal, user: [''], secret: {sha256: " + sum + "}"), 4, atToken + ".user[0]: use 1 to"},
		{"expires", token("scope: publish, expires: tomorrow, secret: {sha256: " + sum + "}"), 4, atToken + ".expires: must be a time (RFC 3339), like"},
		{"token id", strings.Replace(token("scope: publish, secret: {sha256: "+sum+"}"), "tok_a", "a", 1), 4, atToken + `.id: token id "a": use "tok_"`},
		{"token id missing", strings.Replace(token("scope: publish, secret: {sha256: "+sum+"}"), "id: tok_a, ", "", 1), 4, atToken + ".id: is missing: give one"},
		{"token name", token("scope: publish, name: " + strings.Repeat("a", 256) + ", secret: {sha256: " + sum + "}"), 4, atToken + ".name: has 256 bytes: use at most 255"},

		{"a secret for a name", acme("url: https://example.com", "secrets: [{hunter2: x}]"), 6, atEndpoint + ".secrets[0]: has an unknown member: use value, env, file, expires"},
		{"paused", endpoint("paused: perhaps"), 7, atEndpoint + ".paused: must be true or false"},
		{"header of the sender", endpoint("headers: {User-Agent: {value: x}}"), 7, atEndpoint + `.headers: "User-Agent" is set by the sender`},
		{"header in clear", endpoint("headers: {X-Key: hunter2}"), 7, atEndpoint + ".headers.X-Key: must be a mapping"},
		{"header not printable", endpoint(`headers: {X-Key: {value: "hunter2\n"}}`), 7, atEndpoint + ".headers.X-Key: the value has spaces around it"},
		{"header from an empty variable", endpoint("headers: {X-Key: {env: TIDINGS_TEST_EMPTY}}"), 7, atEndpoint + ".headers.X-Key: environment variable TIDINGS_TEST_EMPTY is empty"},
		{"header that expires", endpoint("headers: {X-Key: {value: hunter2, expires: 2027-01-01T00:00:00Z}}"), 7, atEndpoint + ".headers.X-Key.expires: is for secrets that sign"},
		{"header twice", endpoint("headers: {X-Key: {value: hunter2}, x-key: {value: hunter2}}"), 7, atEndpoint + `.headers: "X-Key" and "x-key" are the same header`},
		{"max_age", endpoint("policy: {max_age: 1000h}"), 7, atEndpoint + ".policy.max_age: 1000h0m0s: use more than 0"},
		{"order", endpoint("policy: {order: lifo}"), 7, atEndpoint + `.policy.order: "lifo" is unknown: use "fifo"`},
		{"burst", endpoint("policy: {rate: 10/s, burst: 10001}"), 7, atEndpoint + ".policy.burst: 10001: use 1 to 10000"},
		{"burst as a rate", endpoint("policy: {rate: 10/s, burst: 5/s}"), 7, atEndpoint + ".policy.burst: must be a whole number"},
		{"burst without a rate", endpoint("policy: {burst: 5}"), 7, atEndpoint + ".policy.burst: 5: it goes with a rate only: give the rate too"},
		{"max_payload", endpoint("policy: {max_payload: 67108865}"), 7, atEndpoint + ".policy.max_payload: 67108865: use 1 to 67108864"},
		{"max_payload with a unit", endpoint("policy: {max_payload: 1MiB}"), 7, atEndpoint + ".policy.max_payload: must be a whole number"},
		{"max_held", endpoint("policy: {max_held: -1}"), 7, atEndpoint + ".policy.max_held: -1: use 1 to 10000000"},
		{"order_key", endpoint("policy: {order: fifo, order_key: id}"), 7, atEndpoint + `.policy.order_key: "id": it makes no order`},
		{"order_key of no name", endpoint("policy: {order: fifo, order_key: Key}"), 7, atEndpoint + `.policy.order_key: "Key": name one attribute`},
		{"order_key without fifo", endpoint("policy: {order_key: partitionkey}"), 7, atEndpoint + `.policy.order_key: "partitionkey": it goes with the order "fifo" only: set that too`},
		{"backlog", endpoint("policy: {backlog: none}"), 7, atEndpoint + `.policy.backlog: "none" is unknown: use "in_order", "live_first"`},
		{"backlog of fifo", endpoint("policy: {order: fifo, backlog: live_first}"), 7, atEndpoint + `.policy.backlog: "live_first": new deliveries would overtake`},
		{"breaker", endpoint("policy: {breaker: true}"), 7, atEndpoint + `.policy.breaker: "true" is unknown: use "on", "off"`},
		{"auto_disable", endpoint("policy: {auto_disable: [off]}"), 7, atEndpoint + ".policy.auto_disable: must be text"},
		{"disable_after", endpoint("policy: {disable_after: 30m}"), 7, atEndpoint + ".policy.disable_after: 30m0s: use 1h0m0s to 2160h0m0s"},
		{"skip_before", endpoint("skip_before: 2026-01-01T00:00:00Z"), 7, atEndpoint + ".skip_before: is unknown: use id,"},
		{"status", endpoint("policy: {statuses: {99: dead}}"), 7, atEndpoint + `.policy.statuses: "99" is no final status`},
		{"status action", endpoint("policy: {statuses: {404: ignore}}"), 7, atEndpoint + `.policy.statuses.404: "ignore" is unknown`},
		{"status list", endpoint("policy: {statuses: [404]}"), 7, atEndpoint + ".policy.statuses: must be a mapping"},

		{"subscription of nothing", endpoint("subscriptions: [{}]"), 7, atEndpoint + ".subscriptions[0]: declares nothing: give at least types"},
		{"subscription as text", endpoint("subscriptions: [user.created]"), 7, atEndpoint + ".subscriptions[0]: must be a mapping"},
		{"subscription without types", endpoint("subscriptions: [{id: sub_x, types: []}]"), 7, atEndpoint + ".subscriptions[0].types: is empty: name event types"},
		{"subscription's pattern", endpoint("subscriptions: [{types: [a.*b]}]"), 7, atEndpoint + `.subscriptions[0].types[0]: pattern "a.*b"`},
		{"subscription id", endpoint("subscriptions: [{id: x, types: [a.b]}]"), 7, atEndpoint + `.subscriptions[0].id: subscription id "x": use "sub_"`},
		{"subscription twice", endpoint("subscriptions: [{types: [a.b]}, {types: [a.b]}]"), 7, atEndpoint + ".subscriptions[1].id: subscription sub_a_"},
		{"subscription of subscribe", acme("url: https://example.com", "secrets: [{value: "+secretA+"}]", "subscribe: [a.b]", "subscriptions: [{id: sub_a, types: [a.b]}]"), 8, atEndpoint + ".subscriptions[0].id: subscription sub_a is declared twice: it is at line 7 already"},
		{"history without an id", endpoint("subscriptions: [{types: [a.b], deliver_from: all}]"), 7, atEndpoint + ".subscriptions[0].deliver_from: needs an id"},
		{"history of a word", endpoint("subscriptions: [{id: sub_x, types: [a.b], deliver_from: always}]"), 7, atEndpoint + ".subscriptions[0].deliver_from: must be a time"},
		{"filter of two", endpoint("subscriptions: [{types: [a.b], filters: [{sql: a, cel: b}]}]"), 7, atEndpoint + ".subscriptions[0].filters[0]: has 2 conditions: give exactly one"},
		{"filter of none", endpoint("subscriptions: [{types: [a.b], filters: [{exact: {subject: x}}, {not: {any: [{}]}}]}]"), 7, atEndpoint + ".subscriptions[0].filters[1].not.any[0]: has 0 conditions"},
		{"filter unknown", endpoint("subscriptions: [{types: [a.b], filters: [{exakt: {subject: x}}]}]"), 7, atEndpoint + ".subscriptions[0].filters[0].exakt: is unknown: use exact, prefix,"},
		{"filter of an empty value", endpoint("subscriptions: [{types: [a.b], filters: [{exact: {subject: ''}}]}]"), 7, atEndpoint + ".subscriptions[0].filters[0].exact.subject: the value is empty"},
		{"filter too deep", endpoint("subscriptions: [{types: [a.b], filters: [" + strings.Repeat("{not: ", 17) + "{sql: a}" + strings.Repeat("}", 17) + "]}]"), 7, atEndpoint + ".subscriptions[0].filters[0]" + strings.Repeat(".not", 16) + ": filters are nested deeper than 16"},
		{"filter that does not compile", endpoint("subscriptions: [{types: [lobby.booked], filters: [{exact: {subject: x}}, {cel: data.lobbyy.id == 'x'}]}]"), 7, atEndpoint + ".subscriptions[0].filters[1].cel: 1:5: undefined field 'lobbyy'"},
		{"a second one", endpoint("subscriptions: [{types: [lobby.booked], filters: [{not: {sql: 'a ='}}, {cel: data.lobbyy.id == 'x'}]}]"), 7, atEndpoint + ".subscriptions[0].filters[1].cel: 1:5: undefined field 'lobbyy'"},
		{"inside another", endpoint("subscriptions: [{types: [lobby.booked], filters: [{not: {sql: 'a ='}}]}]"), 7, atEndpoint + ".subscriptions[0].filters[0].not.sql: 1:"},
		{"a second of two conditions", endpoint("subscriptions: [{types: [a.b], filters: [{}, {sql: a, cel: b}]}]"), 7, atEndpoint + ".subscriptions[0].filters[1]: has 2 conditions"},
		{"filter as text", endpoint("subscriptions: [{types: [a.b], filters: [a]}]"), 7, atEndpoint + ".subscriptions[0].filters[0]: must be a mapping"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := read(t, c.text)
			refused(t, d, err)
			var m *config.Mistakes
			if !errors.As(err, &m) {
				t.Fatalf("got %v", err)
			}
			for _, p := range m.Problems {
				if p.Line == c.line && p.Column > 0 && strings.HasPrefix(p.Field+": "+p.Problem, c.want) {
					return
				}
			}
			t.Errorf("got\n%v\nwant at line %d %s", err, c.line, c.want)
		})
	}
}

// TestAMistakeIsToldOnce: none of these draws another after it.
func TestAMistakeIsToldOnce(t *testing.T) {
	const rest = "secrets: [{value: " + secretA + "}]"
	for _, text := range []string{
		acme("url: https://example.com", rest, "dialect: latin", "subscribe: [room.joined]"),
		acme("url: https://example.com", "secrets: [{env: TIDINGS_TEST_UNSET}]"),
		acme("url: https://example.com", rest, "policy: {timeout: 1h}"),
		acme("url: https://example.com", rest, "policy: {timeout: soon}"),
		acme("url: https://example.com", rest, "policy: {rate: often, burst: 5}"),
		acme("url: https://example.com", rest, "policy: {order: lifo, order_key: subject, backlog: live_first}"),
		acme("url: ftp://example.com", rest, "subscribe: [a.b]"),
		acme(rest, "subscribe: [a.b]"),
		strings.Replace(acme("url: https://example.com", rest, "subscribe: [a.b]"), "acme", "ACME", 1),
		strings.Replace(acme("url: https://example.com", rest, "subscribe: [a.b]"), "ep_a", "a", 1),
		acme("url: https://example.com", rest, "subscriptions: {types: [a.b]}"),
		"- tenants\n", "tenants\n", "tenants: acme\n", "tenants: [acme]\n", "tenants: [{}]\n", "tokens: [x]\n",
	} {
		_, err := read(t, text)
		var m *config.Mistakes
		if !errors.As(err, &m) || len(m.Problems) != 1 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	allTold(t,
		acme("name: "+strings.Repeat("n", 256), "url: ftp://example.com", "dialect: latin", "secrets: [{value: ''}, {}]", "headers: {Host: {value: a}, Via: {value: b}}",
			"policy:", "  timeout: 1h", "  retry: [400h]", "  concurrency: -1", "  rate: 0/s", "  max_age: 9999h", "  order: x", "  statuses: {1: dead, 404: x}", "handshake: true", "subscribe: [a.*b]"),
		"5:name", "6:url", "7:dialect", "8:secrets[0]", "8:secrets[1]", "9:headers", "9:headers",
		"11:policy.timeout", "12:policy.retry[0]", "13:policy.concurrency", "14:policy.rate", "15:policy.max_age", "16:policy.order",
		"17:policy.statuses", "17:policy.statuses.404", "19:subscribe[0]")
	allTold(t,
		acme("url: https://example.com", "secrets: [{value: "+secretA+"}]",
			"policy:", "  burst: 5", "  max_payload: -1", "  order: fifo", "  order_key: time", "  backlog: live_first", "  max_held: -1", "  breaker: x", "  auto_disable: x", "  disable_after: 1m"),
		"8:policy.burst", "9:policy.max_payload", "11:policy.order_key", "12:policy.backlog", "13:policy.max_held", "14:policy.breaker", "15:policy.auto_disable", "16:policy.disable_after")
}

// allTold reads a file whose mistakes are at these lines and fields of its
// endpoint.
func allTold(t *testing.T, text string, want ...string) {
	t.Helper()
	var before string
	for range 5 { // the same each time, although maps are not
		_, err := read(t, text)
		var m *config.Mistakes
		if !errors.As(err, &m) {
			t.Fatal(err)
		}
		var got []string
		var said string
		for _, p := range m.Problems {
			got = append(got, fmt.Sprintf("%d:%s", p.Line, strings.TrimPrefix(p.Field, "tenants[0].endpoints[0].")))
			said += p.Problem + "\n"
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %q\nwant %q\n%v", got, want, err)
		}
		if before != "" && before != said {
			t.Errorf("said\n%sand before\n%s", said, before)
		}
		before = said
	}
}

func TestMistakesAreBounded(t *testing.T) {
	_, err := read(t, "tenants:\n"+strings.Repeat("  - {id: A}\n", 33))
	var m *config.Mistakes
	if !errors.As(err, &m) || len(m.Problems) != config.MaxProblems || m.More != 13 || m.Problems[0].Line != 2 || m.Problems[19].Line != 21 {
		t.Fatalf("got %v", err)
	}
	_, err = read(t, "tenants:\n"+strings.Repeat("  - {id: A}\n", 3000))
	if !errors.As(err, &m) || m.More != 2980 {
		t.Errorf("of 3000: %d more", m.More)
	}
	_, err = read(t, "tenants:\n"+strings.Repeat("  - {id: A}\n", 33))
	if text := err.Error(); !strings.Contains(text, "tidings.yaml has 33 problems:\n") || !strings.HasSuffix(text, "\n… and 13 more") {
		t.Errorf("got %s", text)
	}
}

func TestCheckFile(t *testing.T) {
	path := writeFiles(t, everything, nil)
	if _, err := config.CheckFile(path, config.CheckOptions{}); err == nil {
		t.Error("secrets may be missing without being asked for")
	}
	got, err := config.CheckFile(path, config.CheckOptions{MissingSecrets: true})
	if want := (config.Counts{Tenants: 1, Endpoints: 1, Subscriptions: 4, Tokens: 3}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if want := "1 tenant, 1 endpoint, 4 subscriptions, 3 tokens, 0 event types"; got.String() != want {
		t.Errorf("got %q, want %q", got, want)
	}
	t.Setenv("TIDINGS_TEST_HEADER", "")
	t.Setenv("TIDINGS_TEST_ROOT", "short")
	_, err = config.CheckFile(path, config.CheckOptions{MissingSecrets: true})
	refused(t, config.Declarations{}, err, "TIDINGS_TEST_HEADER is empty", "TIDINGS_TEST_ROOT has 5 characters")
	path = writeFiles(t, acme("url: https://example.com", "secrets: [{file: .}]"), nil) // a folder is no missing file
	_, err = config.CheckFile(path, config.CheckOptions{MissingSecrets: true})
	refused(t, config.Declarations{}, err, "endpoints[0].secrets[0]: file ", "is no regular file")
}
