package dispatcher

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

func TestTheEndpointsOwnHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		e := testEndpoint("ep_a")
		e.Headers = map[string]schemas.Secret{
			"authorization": schemas.NewSecret("Bearer of the gateway"),
			"X-Team":        schemas.NewSecret("a, b"),
			// Nobody can write these to the registry; if they are there they lose.
			"Webhook-Id": schemas.NewSecret("forged"), "User-Agent": schemas.NewSecret("forged"), "content-type": schemas.NewSecret("forged"),
		}
		r.targets.Apply(schemas.Change{Endpoint: &e})
		r.receiver.Play(dispatchertest.Status(500))
		ids := r.due("ep_a", 1)
		r.own(time.Second)
		r.ends(1)
		got := r.receiver.Requests()
		if len(got) != 2 {
			t.Fatalf("%d requests, want 2", len(got))
		}
		for i, q := range got {
			for name, want := range map[string]string{
				"Authorization": "Bearer of the gateway", "X-Team": "a, b",
				"Webhook-Id": ids[0], "User-Agent": "Tidings", "Content-Type": "application/json",
			} {
				if values := q.Header.Values(name); !slices.Equal(values, []string{want}) {
					t.Errorf("request %d: %s is %q, want %q", i, name, values, want)
				}
			}
		}
	})
}

// A gateway wants its credentials of the handshake too. Without consent nothing
// waits longer than max_age.
func TestTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		e := testEndpoint("ep_a")
		e.Dialect, e.Handshake = schemas.DialectCloudEvents, true
		e.Policy.MaxAge = schemas.Duration(50 * time.Second) // the receiver is asked once a minute
		e.Headers = map[string]schemas.Secret{"X-Api-Key": schemas.NewSecret("for the gateway")}
		r.targets.Apply(schemas.Change{Endpoint: &e})
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(405) })
		r.due("ep_a", 1)
		o := r.own(time.Second)
		if end := r.ends(1)[0]; end.Outcome.Reason != schemas.ReasonTooOld || end.Outcome.Cause != schemas.ReasonNoConsent || end.Attempt.Number != 1 {
			t.Errorf("ended %+v, want too_old for want of consent", end.Outcome)
		}
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			return dispatchertest.Status(200, "WebHook-Allowed-Origin", "*", "WebHook-Allowed-Rate", "*")
		})
		<-time.After(time.Minute)
		r.due("ep_a", 1)
		r.ends(1)
		var methods []string
		for _, q := range r.receiver.Requests() {
			methods = append(methods, q.Method)
			if key := q.Header.Get("X-Api-Key"); key != "for the gateway" {
				t.Errorf("%s came with the key %q", q.Method, key)
			}
		}
		if want := []string{"OPTIONS", "OPTIONS", "POST"}; !slices.Equal(methods, want) {
			t.Errorf("requests %v, want %v", methods, want)
		}
		r.clean(o)
	})
}

// secretsAt are the places, in a list, of the secrets that signed a request.
func secretsAt(t *testing.T, q dispatchertest.Request, secrets []string) (places []int) {
	t.Helper()
	seconds, err := strconv.ParseInt(q.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	given := strings.Fields(q.Header.Get("webhook-signature"))
	for i, s := range secrets {
		key, err := signing.ParseKey(s)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(given, key.Sign(q.ID, time.Unix(seconds, 0), q.Body)) {
			places = append(places, i)
		}
	}
	if len(places) != len(given) {
		t.Errorf("%d signatures, %d of them known", len(given), len(places))
	}
	return places
}

// TestSecretsExpire delivers once a minute, and changes nothing in the registry.
func TestSecretsExpire(t *testing.T) {
	never := -time.Minute
	for name, tt := range map[string]struct {
		expire []time.Duration // after the start; negative is never
		want   [][]int         // who signs at 0, 1m, 2m, …
	}{
		"one, for ever":        {[]time.Duration{never}, [][]int{{0}, {0}}},
		"a rotation":           {[]time.Duration{never, 90 * time.Second}, [][]int{{0, 1}, {0, 1}, {0}, {0}}},
		"at its very time":     {[]time.Duration{never, time.Minute}, [][]int{{0, 1}, {0}}},
		"two rotations":        {[]time.Duration{never, 150 * time.Second, 90 * time.Second}, [][]int{{0, 1, 2}, {0, 1, 2}, {0, 1}, {0}}},
		"expired from before":  {[]time.Duration{never, 0}, [][]int{{0}, {0}}},
		"the newest goes on":   {[]time.Duration{90 * time.Second, 30 * time.Second}, [][]int{{0, 1}, {0}, {0}, {0}}},
		"all expired long ago": {[]time.Duration{0, 0}, [][]int{{0}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.own(time.Second)
				e := testEndpoint("ep_a")
				e.Secrets = nil
				var texts []string
				start := time.Now()
				for _, after := range tt.expire {
					s := signing.NewSecret()
					texts = append(texts, s)
					secret := schemas.NewSecret(s)
					if after >= 0 {
						secret = secret.Until(start.Add(after))
					}
					e.Secrets = append(e.Secrets, secret)
				}
				r.targets.Apply(schemas.Change{Endpoint: &e})
				for i, want := range tt.want {
					<-time.After(time.Until(start.Add(time.Duration(i) * time.Minute)))
					r.due("ep_a", 1)
					r.ends(1)
					if got := secretsAt(t, r.receiver.Requests()[i], texts); !slices.Equal(got, want) {
						t.Errorf("after %d min secrets %v signed, want %v", i, got, want)
					}
				}
			})
		})
	}
}

// TestMaxAge delivers what was stored some time ago, by an endpoint that fails.
func TestMaxAge(t *testing.T) {
	retries := func(d ...time.Duration) (list []schemas.Duration) {
		list = []schemas.Duration{}
		for _, each := range d {
			list = append(list, schemas.Duration(each))
		}
		return list
	}
	for name, tt := range map[string]struct {
		age      time.Duration
		policy   schemas.Policy
		reason   schemas.Reason
		requests int
		took     time.Duration
	}{
		"too old at once":      {61 * time.Second, schemas.Policy{Retry: retries(time.Second)}, schemas.ReasonTooOld, 0, 0},
		"just in time":         {59 * time.Second, schemas.Policy{Retry: retries()}, schemas.ReasonNotRetried, 1, 0},
		"a retry too late":     {0, schemas.Policy{Retry: retries(10*time.Second, time.Hour)}, schemas.ReasonTooOld, 2, 11 * time.Second},
		"the schedule ends":    {0, schemas.Policy{Retry: retries(10*time.Second, 10*time.Second)}, schemas.ReasonExhausted, 3, 22 * time.Second},
		"its turn is too late": {0, schemas.Policy{Retry: retries(10 * time.Second), Rate: schemas.Rate{Count: 1, Per: time.Hour}}, schemas.ReasonTooOld, 1, time.Hour},
		"turns are not waited": {
			2 * time.Minute, schemas.Policy{Rate: schemas.Rate{Count: 1, Per: time.Hour}}, schemas.ReasonTooOld, 0, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				tt.policy.MaxAge = schemas.Duration(time.Minute)
				r.endpoint("ep_a", tt.policy)
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(500) })
				n := 1
				if strings.HasPrefix(name, "turns") {
					n = 5
				}
				r.due("ep_a", n)
				<-time.After(tt.age)
				start := time.Now()
				o := r.own(time.Second)
				for _, end := range r.ends(n) {
					if end.Outcome.Kind != schemas.Dead || end.Outcome.Reason != tt.reason {
						t.Errorf("ended %+v, want %s", end.Outcome, tt.reason)
					}
				}
				if took := time.Since(start); took > tt.took+soon {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if got := len(r.receiver.Requests()); got != tt.requests {
					t.Errorf("%d requests, want %d", got, tt.requests)
				}
				for _, l := range r.deadLetters() {
					if l.Reason != tt.reason || len(l.History) != tt.requests {
						t.Errorf("dead letter %s with history %+v; want %s and %d attempts", l.Reason, l.History, tt.reason, tt.requests)
					}
				}
				r.clean(o)
			})
		})
	}
}

// What became too old in a held queue dies when its turn comes, and what did
// not is delivered.
func TestMaxAgeOfAHeldQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := schemas.Policy{MaxAge: schemas.Duration(time.Hour)}
		r := newRig(t)
		r.paused("ep_a", policy)
		o := r.own(time.Second)
		r.due("ep_a", 60)
		<-time.After(45 * time.Minute)
		fresh := r.due("ep_a", 40)
		<-time.After(30 * time.Minute)
		r.endpoint("ep_a", policy)
		dead := 0
		for _, end := range r.ends(100) {
			if end.Outcome.Reason == schemas.ReasonTooOld {
				dead++
			}
		}
		if dead != 60 {
			t.Errorf("%d died of age, want 60", dead)
		}
		sameSet(t, r.requests("ep_a"), fresh)
		r.clean(o)
	})
}

func TestStatusesOfTheEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := schemas.Policy{Statuses: map[string]schemas.StatusAction{
			"4xx": schemas.StatusDead, "404": schemas.StatusDelivered, "2xx": schemas.StatusRetry, "451": schemas.StatusDisable,
		}}
		for i, want := range []struct {
			status   int
			kind     schemas.Kind
			reason   schemas.Reason
			attempts int
		}{
			{404, schemas.Delivered, schemas.ReasonOK, 1},
			{403, schemas.Dead, schemas.ReasonNotRetried, 1},
			{200, schemas.Delivered, schemas.ReasonOK, 2}, // the 2nd time it is a 404
			{451, schemas.Dead, schemas.ReasonStatusDisables, 1},
		} {
			r.endpoint("ep_a", policy)
			r.receiver.Play(dispatchertest.Status(want.status), dispatchertest.Status(404))
			r.due("ep_a", 1)
			if i == 0 {
				r.own(time.Second)
			}
			if e := r.ends(1)[0]; e.Outcome.Kind != want.kind || e.Outcome.Reason != want.reason || e.Attempt.Number != want.attempts {
				t.Errorf("%d: ended %+v by attempt %d", want.status, e.Outcome, e.Attempt.Number)
			}
		}
		if !slices.Equal(r.disabled, []schemas.EndpointID{"ep_a"}) || !slices.Equal(r.why, []schemas.Reason{schemas.ReasonStatusDisables}) {
			t.Errorf("disabled %v for %v, want ep_a for its status", r.disabled, r.why)
		}
	})
}
