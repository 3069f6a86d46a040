package roam_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

func TestUnsubscribe(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		id := r.subscribed("acme-org", wanted)
		for _, c := range []struct{ query, contentType, body, want string }{
			{"", "", "", `{"error":"id parameter required"}`},
			{"", asForm, "id=", `{"error":"id parameter required"}`},
			{"", asForm, "ID=" + id, `{"error":"id parameter required"}`},
			{"", "", "id=" + id, `{"error":"id parameter required"}`},
			{"", asJSON, `{"id":"` + id + `"}`, `{"error":"id parameter required"}`},
			{"?id=sub_" + id, "", "", `{"error":"id parameter is not a UUID: give the id that webhook.subscribe returned"}`},
			{"?id=%7B" + id + "%7D", "", "", `{"error":"id parameter is not a UUID: give the id that webhook.subscribe returned"}`},
			{"?id=" + strings.ReplaceAll(id, "-", ""), "", "", `{"error":"id parameter is not a UUID: give the id that webhook.subscribe returned"}`},
			{"?id=%zz", "", "", `{"error":"the form could not be read: invalid URL escape \"%zz\""}`},
			{"", asForm, "id=" + strings.Repeat("0", 64<<10), `{"error":"the form could not be read: http: request body too large"}`},
		} {
			check(t, r.post("acme-org", unsubscribe+c.query, c.contentType, c.body), http.StatusBadRequest, c.want)
		}
		r.stored(id)
		check(t, r.post("acme-org", unsubscribe, asForm+"; charset=utf-8", "id="+strings.ToUpper(id)), http.StatusNoContent, "")
		if r.counts() != [2]int{} {
			t.Errorf("%d are left", r.counts())
		}
		if again := r.subscribed("acme-org", wanted); again != id {
			t.Errorf("the id became %s", again)
		}
	})
}

// TestEndpointGoesLast keeps the endpoint while anything is subscribed to it,
// also what the API of Tidings added.
func TestEndpointGoesLast(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		first := r.subscribed("acme-org", wanted)
		second := r.subscribed("acme-org", `{"url":"https://a.test/","event":"transcript:saved"}`)
		s, e := r.stored(first)
		if _, other := r.stored(second); other.ID != e.ID {
			t.Errorf("endpoints %s and %s for one URL", e.ID, other.ID)
		}
		s.ID, s.User = "sub_other", nil
		if _, err := r.registry.CreateSubscription(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for i, id := range []string{first, second} {
			check(t, r.post("acme-org", unsubscribe, asForm, "id="+id), http.StatusNoContent, "")
			if got, want := r.counts(), [2]int{1, 2 - i}; got != want {
				t.Errorf("%d are left, want %d", got, want)
			}
		}
		if err := r.registry.LeaveEndpoint(t.Context(), "acme", s.ID); err != nil {
			t.Fatal(err)
		}
		if r.counts() != [2]int{} {
			t.Errorf("%d are left", r.counts())
		}
	})
}

// TestSubscribeRepairs makes an endpoint work again that a 410 disabled, or that
// somebody pointed elsewhere.
func TestSubscribeRepairs(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		id := r.subscribed("acme-org", wanted)
		_, e := r.stored(id)
		_, err := r.registry.UpdateEndpoint(t.Context(), "acme", e.ID, registry.AnyVersion, func(e *schemas.Endpoint) error {
			e.URL, e.Disabled, e.Policy.Concurrency = "https://b.test/", schemas.ReasonGone, 3
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r.subscribed("acme-org", wanted)
		_, e = r.stored(id)
		if e.URL != "https://a.test/" || e.Disabled != "" || e.Policy.Concurrency != 3 {
			t.Errorf("the endpoint is %+v", e)
		}
	})
}

// TestFilesStay are out of reach here: to this API they do not exist.
func TestFilesStay(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		id := r.subscribed("acme-org", wanted)
		s, _ := r.stored(id)
		s.Origin = schemas.OriginFile
		if err := r.registry.PutSubscription(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		check(t, r.post("acme-org", unsubscribe, asForm, "id="+id), http.StatusNotFound, `{"error":"webhook subscription not found"}`)
		r.stored(id)
	})
}

// TestAtOnce lets clients subscribe and unsubscribe events of one URL at the same
// time. Nobody else removes a client's event: so from its answer on it is there,
// endpoint and all, until the client itself takes it away.
func TestAtOnce(t *testing.T) {
	events := []string{"recording:saved", "transcript:saved", "chat:message:dm", "lobby:booked"}
	inRig(t, func(t *testing.T, r *rig) {
		var group sync.WaitGroup
		for _, event := range events {
			group.Go(func() {
				body := fmt.Sprintf(`{"url":"https://a.test/","event":"%s"}`, event)
				for round := range 60 {
					w := r.post("acme-org", subscribe, asJSON, body)
					id, _ := strings.CutPrefix(w.Body.String(), `{"id":"`)
					if w.Code != http.StatusOK || len(id) < 36 {
						t.Errorf("%s, round %d: %d %s", event, round, w.Code, w.Body)
						return
					}
					id = id[:36]
					s, err := r.registry.Subscription(t.Context(), schemas.SubscriptionID("sub_"+id))
					if err == nil {
						_, err = r.registry.Endpoint(t.Context(), s.Endpoint)
					}
					if err != nil {
						t.Errorf("%s, round %d: after subscribing: %v", event, round, err)
						return
					}
					if w := r.post("acme-org", unsubscribe, asForm, "id="+id); w.Code != http.StatusNoContent {
						t.Errorf("%s, round %d: %d %s", event, round, w.Code, w.Body)
						return
					}
				}
			})
		}
		group.Wait()
		if r.counts() != [2]int{} {
			t.Errorf("%d are left", r.counts())
		}
	})
}

// TestSameAtOnce lets clients do the same at the same time. All get one id, and
// who comes last is right.
func TestSameAtOnce(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		var group sync.WaitGroup
		id := r.subscribed("acme-org", wanted)
		for i := range 6 {
			group.Go(func() {
				for range 30 {
					if i%3 == 0 {
						if w := r.post("acme-org", unsubscribe, asForm, "id="+id); w.Code != http.StatusNoContent && w.Code != http.StatusNotFound {
							t.Errorf("unsubscribe: %d %s", w.Code, w.Body)
						}
						continue
					}
					if w := r.post("acme-org", subscribe, asJSON, wanted); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), id) {
						t.Errorf("subscribe: %d %s", w.Code, w.Body)
					}
				}
			})
		}
		group.Wait()
		r.stored(r.subscribed("acme-org", wanted))
		if got := r.counts(); got != [2]int{1, 1} {
			t.Errorf("%d are there, want one each", got)
		}
		check(t, r.post("acme-org", unsubscribe, asForm, "id="+id), http.StatusNoContent, "")
		if got := r.counts(); got != [2]int{} {
			t.Errorf("%d are left", got)
		}
	})
}

// What changes something is kept: who, when, and to what, in no case with a value.
func TestChangesAreKept(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		var kept []audit.Entry
		o := r.options
		o.Note = func(_ context.Context, e audit.Entry) { kept = append(kept, e) }
		r.use(o)
		id := r.subscribed("acme-dana", wanted)
		r.post("acme-kim", unsubscribe, asForm, "id="+id)                                // is not hers
		r.post("acme-read", subscribe, asJSON, wanted)                                   // may not
		r.post("acme-dana", subscribe, asJSON, `{"url":"https://a.test/","event":"no"}`) // is wrong
		check(t, r.post("acme-dana", unsubscribe, asForm, "id="+id), http.StatusNoContent, "")
		entry := func(action, field string, status int) audit.Entry {
			return audit.Entry{
				At: time.Now().UTC().Truncate(time.Millisecond), Token: "tok_2", Scope: schemas.TokenPersonal, Tenant: "acme",
				Method: http.MethodPost, Action: action, Object: "/v1/tenants/acme/subscriptions/sub_" + id, Fields: strings.Split(field, " "), Status: status,
			}
		}
		want := []audit.Entry{entry(subscribe, "event url", http.StatusOK), entry(unsubscribe, "id", http.StatusNoContent)}
		if diff := cmp.Diff(want, kept); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
}
