package attempt

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func testEndpoint() schemas.Endpoint {
	return schemas.Endpoint{
		ID: "ep_a", Tenant: "acme", URL: "http://receiver.test/",
		Secrets: []schemas.Secret{schemas.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")},
	}
}

// A secret that expires does not make the receiver be asked again.
func TestAnswersOutliveSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := testEndpoint()
		e.Secrets[0] = e.Secrets[0].Until(time.Now().Add(time.Minute))
		targets := NewTargets()
		targets.Apply(schemas.Change{Endpoint: &e})
		first := targets.Get("ep_a")
		first.answer.Store(&answer{at: time.Now(), consent: &schemas.Consent{}})
		<-time.After(time.Hour)
		second := targets.Get("ep_a")
		if second == first || second.answer.Load() != first.answer.Load() {
			t.Error("the answer is lost")
		}
		if targets.Get("ep_a") != second {
			t.Error("the endpoint is made ready each time")
		}
	})
}

// Who watches is told of each change, and of none after its stop.
func TestWatch(t *testing.T) {
	targets, told := NewTargets(), map[string]int{}
	stop := targets.Watch(func(id schemas.EndpointID) { told["first "+string(id)]++ })
	targets.Watch(func(id schemas.EndpointID) { told["second "+string(id)]++ })
	e := testEndpoint()
	targets.Apply(schemas.Change{Endpoint: &e})
	stop()
	targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
	if told["first ep_a"] != 1 || told["second ep_a"] != 2 || targets.Get("ep_a") != nil {
		t.Errorf("told %v, and the endpoint is %v", told, targets.Get("ep_a"))
	}
}
