package roam_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api/roam"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

const wanted = `{"url":"https://a.test/","event":"recording:saved"}`

func TestWhoMayCall(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		for token, want := range map[string]string{
			"":             "there is no token: send the header",
			"wrong":        "the token is not valid",
			"admin":        "a token of the scope admin may not use webhooks: use one of the scope tenant:write or personal",
			"acme-read":    "a token of the scope tenant:read may not use webhooks",
			"acme-publish": "a token of the scope publish may not use webhooks",
			"gone-org":     "the token's tenant does not exist",
		} {
			targets := []string{subscribe, unsubscribe}
			if token == "gone-org" {
				targets = targets[:1]
			}
			for _, target := range targets {
				w := r.post(token, target, asJSON, wanted)
				if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `{"error":"`+want) || w.Header().Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("%q at %s: %d %s %v", token, target, w.Code, w.Body, w.Header())
				}
			}
		}
		if r.counts() != [2]int{} {
			t.Errorf("they stored %d", r.counts())
		}
	})
}

func TestOrganizationOnly(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		id := r.subscribed("acme-dana", wanted)
		r.options.OrganizationOnly = true
		r.use(r.options)
		const refusal = `{"error":"personal tokens may not use webhooks here: use a token of the scope tenant:write"}`
		check(t, r.post("acme-dana", subscribe, asJSON, wanted), http.StatusUnauthorized, refusal)
		check(t, r.post("acme-dana", unsubscribe+"?id="+id, "", ""), http.StatusUnauthorized, refusal)
		r.subscribed("acme-org", wanted)
	})
}

func TestTooMany(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.options.Gate = gate(access.Options{Rate: 0.1, Burst: 1})
		r.use(r.options)
		r.subscribed("acme-org", wanted)
		w := r.post("acme-org", subscribe, asJSON, wanted)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "10" || !strings.Contains(w.Body.String(), `{"error":"too many requests`) {
			t.Errorf("got %d %s %v", w.Code, w.Body, w.Header())
		}
		<-time.After(10 * time.Second)
		r.subscribed("acme-org", wanted)
	})
}

// TestClientsAreApart subscribes every client to the same, and lets each remove
// its own only.
func TestClientsAreApart(t *testing.T) {
	clients := []string{"acme-org", "acme-dana", "acme-kim", "beta-org", "beta-dana"}
	inRig(t, func(t *testing.T, r *rig) {
		ids := subscribeAll(t, r, clients)
		unknown := r.post("acme-org", unsubscribe, asForm, "id=00000000-0000-4000-8000-000000000000")
		check(t, unknown, http.StatusNotFound, `{"error":"webhook subscription not found"}`)
		for _, c := range clients {
			for _, other := range clients {
				if c == other {
					continue
				}
				w := r.post(c, unsubscribe, asForm, "id="+ids[other])
				if w.Code != unknown.Code || w.Body.String() != unknown.Body.String() || !reflect.DeepEqual(w.Header(), unknown.Header()) {
					t.Errorf("%s of %s: %d %s", c, other, w.Code, w.Body)
				}
			}
		}
		for i, c := range clients {
			check(t, r.post(c, unsubscribe, asForm, "id="+ids[c]), http.StatusNoContent, "")
			if got, left := r.counts(), len(clients)-i-1; got != [2]int{left, left} {
				t.Errorf("%d left, want %d", got, left)
			}
		}
	})
}

// subscribeAll looks at what is stored for each client, and returns the ids.
func subscribeAll(t *testing.T, r *rig, clients []string) map[string]string {
	t.Helper()
	ids, endpoints := map[string]string{}, map[schemas.EndpointID]bool{}
	for _, c := range clients {
		ids[c] = r.subscribed(c, wanted)
		s, e := r.stored(ids[c])
		token := tokens[c]
		owner := slices.Concat(token.User, []string{""})[0]
		if s.Tenant != token.Tenant || !reflect.DeepEqual(s.User, token.User) || e.Tenant != token.Tenant || e.Owner != owner {
			t.Errorf("%s stored %+v, %+v", c, s, e)
		}
		if e.Dialect != schemas.DialectRoam || e.URL != "https://a.test/" || len(e.Secrets) != 1 {
			t.Errorf("%s has the endpoint %+v", c, e)
		}
		endpoints[e.ID] = true
	}
	if len(endpoints) != len(clients) {
		t.Errorf("%d endpoints for %d clients", len(endpoints), len(clients))
	}
	return ids
}

// TestNextToken is a user whose token is renewed: the first id names the user,
// all of them make up what involves the user.
func TestNextToken(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		id := r.subscribed("acme-dana", wanted)
		if again := r.subscribed("acme-dana-2", wanted); again != id {
			t.Errorf("the id became %s", again)
		}
		if s, _ := r.stored(id); !reflect.DeepEqual(s.User, tokens["acme-dana-2"].User) {
			t.Errorf("the user is %q", s.User)
		}
		check(t, r.post("acme-dana", unsubscribe, asForm, "id="+id), http.StatusNoContent, "")
	})
}

// TestSecret is one for each client, whatever the URL, and for nobody else.
func TestSecret(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		seen := map[string]string{}
		for _, c := range []string{"acme-org", "acme-dana", "acme-kim", "beta-org", "beta-dana"} {
			token := tokens[c]
			user := slices.Concat(token.User, []string{""})[0]
			secret, err := roam.Secret(t.Context(), r.registry, token.Tenant, user)
			if err != nil {
				t.Fatal(err)
			}
			text := secret.Reveal()
			if seen[text] != "" || !strings.HasPrefix(text, "whsec_") || len(text) != len("whsec_")+44 {
				t.Errorf("%s has the secret of %q, of %d bytes", c, seen[text], len(text))
			}
			seen[text] = c
			for _, url := range []string{"https://a.test/", "https://b.test/"} {
				_, e := r.stored(r.subscribed(c, `{"url":"`+url+`","event":"recording:saved"}`))
				if e.Secrets[0].Reveal() != text {
					t.Errorf("%s: the endpoint of %s has another secret", c, url)
				}
			}
		}
	})
}

func TestOtherPaths(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		for _, c := range []struct {
			method, path string
			status       int
			body         string
		}{
			{http.MethodGet, subscribe, http.StatusMethodNotAllowed, `{"error":"use POST"}`},
			{http.MethodDelete, unsubscribe, http.StatusMethodNotAllowed, `{"error":"use POST"}`},
			{http.MethodPost, "/v0/webhook.list", http.StatusNotFound, `{"error":"there is nothing here: use /v0/webhook.subscribe or /v0/webhook.unsubscribe"}`},
		} {
			w := httptest.NewRecorder()
			r.handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
			check(t, w, c.status, c.body)
			if c.status == http.StatusMethodNotAllowed && w.Header().Get("Allow") != http.MethodPost {
				t.Errorf("Allow is %q", w.Header().Get("Allow"))
			}
		}
	})
}

// TestInternal is about what is not the caller's fault: the reason is for the log.
func TestInternal(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		id := r.subscribed("acme-org", wanted)
		r.options.Registry = registry.New(r.env.Registry, nil) // cannot keep secrets
		r.use(r.options)
		const refusal = `{"error":"internal error: try again later"}`
		check(t, r.post("acme-org", subscribe, asJSON, wanted), http.StatusInternalServerError, refusal)
		if !strings.Contains(r.log.String(), "level=ERROR") || !strings.Contains(r.log.String(), "path=/v0/webhook.subscribe error=\"this process has no key") {
			t.Errorf("logged %s", r.log)
		}
		r.env.Down()
		check(t, r.post("acme-org", unsubscribe, asForm, "id="+id), http.StatusInternalServerError, refusal)
	})
}

// TestBareOptions needs no logger, and opens nothing to http.
func TestBareOptions(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.options.Log, r.options.CheckURL = nil, nil
		r.use(r.options)
		w := r.post("acme-org", subscribe, asJSON, `{"url":"http://127.0.0.1/","event":"recording:saved"}`)
		check(t, w, http.StatusBadRequest, `{"error":"url is not https: use https"}`)
		r.env.Down()
		if w := r.post("acme-org", subscribe, asJSON, wanted); w.Code != http.StatusInternalServerError {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}
