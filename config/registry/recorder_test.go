package registry_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// recorder keeps the changes of a watcher, as a person sees them.
type recorder struct {
	mu      sync.Mutex // guards changes
	changes []schemas.Change
}

func (r *recorder) apply(c schemas.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, c)
}

func (r *recorder) take() []schemas.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes := r.changes
	r.changes = nil
	return changes
}

// checkSecrets wants the secrets to be there, and hidden from whoever prints.
func checkSecrets(t *testing.T, c schemas.Change) {
	t.Helper()
	if c.Endpoint == nil || c.Removed {
		return
	}
	if len(c.Endpoint.Secrets) != 2 || c.Endpoint.Secrets[0].Reveal() != secretA {
		t.Errorf("the change of %s lost its secrets", c.Endpoint.ID)
	}
	if text := fmt.Sprintf("%v %+v %#v", *c.Endpoint, *c.Endpoint, *c.Endpoint); strings.Contains(text, secretA[8:]) {
		t.Errorf("the endpoint shows its secret: %s", text)
	}
}

// words tells changes in words, one a line.
func words(changes []schemas.Change) string {
	var b strings.Builder
	for _, c := range changes {
		if c.Removed {
			b.WriteString("no ")
		}
		switch {
		case c.Tenant != nil:
			fmt.Fprintf(&b, "tenant %s", c.Tenant.ID)
		case c.Endpoint != nil:
			fmt.Fprintf(&b, "endpoint %s", c.Endpoint.ID)
			if c.Endpoint.Disabled != "" {
				b.WriteString(" disabled")
			}
		case c.Subscription != nil && c.Removed:
			fmt.Fprintf(&b, "subscription %s", c.Subscription.ID)
		case c.Subscription != nil:
			fmt.Fprintf(&b, "subscription %s to %s", c.Subscription.ID, c.Subscription.Endpoint)
		case c.EventType != nil:
			fmt.Fprintf(&b, "type %s of %q", c.EventType.Type, c.EventType.Tenant)
		}
		b.WriteString("\n")
	}
	return b.String()
}
