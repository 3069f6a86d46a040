package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

const everyDialect = `
tenants:
  - id: acme
    validation: quarantine
    endpoints:
      - id: ep_consent
        url: https://example.com/consent
        dialect: cloudevents
        mode: batched
        handshake: true
        secrets: [{value: ` + secretA + `}]
        policy: {rate: 10/s}
      - id: ep_relay
        url: https://example.com/relay
        dialect: relaybox
        mode: body
        secrets: [{value: any text}]
        policy: {rate: 600/m}
        subscribe: [room.joined, "room:leave", user.*]
      - id: ep_roq
        url: https://example.com/roq
        dialect: roq
        secrets: [{value: "an API key, however it looks"}]
      - id: ep_route
        url: https://example.com/route
        dialect: oneroute
        subscribe: [newMessage]
      - id: ep_support
        url: https://example.com/support
        dialect: oneroute
        secrets: [{value: any text}]
        policy: {rate: 1000/h}
        subscribe: [message.received]
        channel: 6b7c8d9e
      - id: ep_roam
        url: https://example.com/roam
        dialect: roam
        secrets: [{value: ` + secretA + `}]
  - id: beta
    validation: warn
    endpoints:
      - {id: ep_beta, url: "https://example.com/beta", dialect: roq, secrets: [{value: key}]}
  - id: gamma
    validation: reject
`

func TestReadFileOfEveryDialect(t *testing.T) {
	got, err := read(t, everyDialect)
	if err != nil {
		t.Fatal(err)
	}
	keys := func(value string) []schemas.Secret { return []schemas.Secret{schemas.NewSecret(value)} }
	rate := func(count int, per time.Duration) schemas.Policy {
		return schemas.Policy{Rate: schemas.Rate{Count: count, Per: per}}
	}
	want := config.Declarations{
		Tenants: []schemas.Tenant{
			{ID: "acme", Validation: schemas.ValidationQuarantine},
			{ID: "beta", Validation: schemas.ValidationWarn},
			{ID: "gamma", Validation: schemas.ValidationReject},
		},
		Endpoints: []schemas.Endpoint{
			{
				ID: "ep_consent", Tenant: "acme", URL: "https://example.com/consent", Dialect: schemas.DialectCloudEvents,
				Mode: schemas.ModeBatched, Handshake: true, Secrets: keys(secretA), Policy: rate(10, time.Second),
			},
			{
				ID: "ep_relay", Tenant: "acme", URL: "https://example.com/relay", Dialect: schemas.DialectRelayBox,
				Mode: schemas.ModeBody, Secrets: keys("any text"), Policy: rate(600, time.Minute),
			},
			{ID: "ep_roq", Tenant: "acme", URL: "https://example.com/roq", Dialect: schemas.DialectROQ, Secrets: keys("an API key, however it looks")},
			{ID: "ep_route", Tenant: "acme", URL: "https://example.com/route", Dialect: schemas.DialectOneRoute},
			{
				ID: "ep_support", Tenant: "acme", URL: "https://example.com/support", Dialect: schemas.DialectOneRoute,
				Secrets: keys("any text"), Policy: rate(1000, time.Hour),
			},
			{ID: "ep_roam", Tenant: "acme", URL: "https://example.com/roam", Dialect: schemas.DialectRoam, Secrets: keys(secretA)},
			{ID: "ep_beta", Tenant: "beta", URL: "https://example.com/beta", Dialect: schemas.DialectROQ, Secrets: keys("key")},
		},
		Subscriptions: []schemas.Subscription{
			{ID: "sub_relay", Tenant: "acme", Endpoint: "ep_relay", Types: []schemas.TypePattern{"room.joined", "room.left", "user.*"}},
			{ID: "sub_route", Tenant: "acme", Endpoint: "ep_route", Types: []schemas.TypePattern{"message.received"}},
			{ID: "sub_support", Tenant: "acme", Endpoint: "ep_support", Types: []schemas.TypePattern{"message.received"}, Channel: "6b7c8d9e"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestReadFileRefusesADialectGoneWrong(t *testing.T) {
	const (
		url    = "url: https://example.com"
		key    = "secrets: [{value: " + secretA + "}]"
		roq    = "dialect: roq"
		secret = "secrets: [{value: hunter2}]"
	)
	// second is another endpoint of the same tenant.
	second := func(lines ...string) string {
		text := "      - id: ep_b\n"
		for _, l := range lines {
			text += "        " + l + "\n"
		}
		return text
	}
	cases := []struct{ name, text, want string }{
		{"unknown dialect", acme(url, key, "dialect: latin"), `endpoints[0].dialect: "latin" is unknown: use "standard", "cloudevents", "roq", "oneroute", "roam", "relaybox"`},
		{"a dialect in capitals", acme(url, key, "dialect: ROQ"), `endpoints[0].dialect: "ROQ" is unknown`},
		{"a mode of another dialect", acme(url, key, "dialect: cloudevents", "mode: body"), `endpoints[0].mode: "body" is unknown to dialect "cloudevents": use "structured", "binary", "batched"`},
		{"a mode where there are none", acme(url, secret, roq, "mode: body"), `endpoints[0].mode: "body": dialect "roq" has one form only: leave mode out`},
		{"a mode and no dialect", acme(url, key, "mode: binary"), `endpoints[0].mode: "binary": dialect "standard" has one form only`},
		{"handshake without a dialect", acme(url, key, "handshake: true"), `endpoints[0].handshake: belongs to the dialect "cloudevents": leave it out, or use that one`},
		{"handshake in another dialect", acme(url, secret, roq, "handshake: true"), `endpoints[0].handshake: belongs to the dialect "cloudevents"`},
		{"handshake in words", acme(url, key, "dialect: cloudevents", "handshake: maybe"), ":8:9: tenants[0].endpoints[0].handshake: must be true or false"},
		{"text for roam's secret", acme(url, "dialect: roam", secret), "endpoints[0].secrets[0]:"},
		{"text for roam's second secret", acme(url, "dialect: roam", "secrets: [{value: "+secretA+"}, {value: hunter2}]"), "endpoints[0].secrets[1]:"},
		{"text for the secret of cloudevents", acme(url, "dialect: cloudevents", secret), "endpoints[0].secrets[0]:"},
		{"roq without a secret", acme(url, roq), "endpoints[0]: it has no secret"},
		{"an empty secret of oneroute", acme(url, "dialect: oneroute", "secrets: [{env: TIDINGS_TEST_EMPTY}]"), "endpoints[0].secrets[0]: environment variable TIDINGS_TEST_EMPTY is empty"},
		{"two ROQ endpoints", acme(url, roq, secret) + second(url, roq, secret), ":10:9: tenants[0].endpoints[1].dialect: the tenant has another ROQ endpoint at line 4, and ROQ's environments have one URL: leave one of them out, or use another dialect"},
		{"rate without a unit", acme(url, key, "policy: {rate: 10}"), `rate "10": write it like "10/s", "600/m" or "1000/h"`},
		{"rate of a day", acme(url, key, "policy: {rate: 10/d}"), `rate "10/d": write it like`},
		{"rate of nothing", acme(url, key, "policy: {rate: 0/s}"), `rate "0/s": write it like`},
		{"rate without end", acme(url, key, "policy: {rate: 9999999/s}"), `rate "9999999/s": write it like`},
		{"rate in words", acme(url, key, "policy: {rate: slowly}"), `rate "slowly": write it like`},
		{"validation", "tenants: [{id: acme, validation: ignore}]\n", `:1:22: tenants[0].validation: "ignore" is unknown: use "reject", "quarantine", "warn"`},
		{"a channel of nothing", acme(url, key, "channel: c1"), ":7:9: tenants[0].endpoints[0].channel: goes with subscribe, which is empty"},
		{"an event the dialect has no name for", acme(url, roq, secret, "subscribe: [room.joined]"), `:8:21: tenants[0].endpoints[0].subscribe[0]: the dialect roq has no event "room.joined"`},
	}
	t.Setenv("TIDINGS_TEST_EMPTY", "")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := read(t, c.text)
			refused(t, d, err, "tidings.yaml", c.want)
		})
	}
}

// refused wants an error that says all of this, shows no secret, and comes with
// nothing of the file.
func refused(t *testing.T, d config.Declarations, err error, says ...string) {
	t.Helper()
	if !schemas.HasCode(err, schemas.CodeInvalid) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is\n%v\nwant in it: %s", err, want)
		}
	}
	for _, secret := range []string{"hunter2", secretA[8:]} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	if !reflect.DeepEqual(d, config.Declarations{}) {
		t.Errorf("a part of the file was returned: %+v", d)
	}
}
