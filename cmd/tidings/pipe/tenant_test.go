package pipe

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// TestWhoMayLookIsTold asks for a tenant as users with and without the right to read
// the registry. Those without are told nothing, at once.
func TestWhoMayLookIsTold(t *testing.T) {
	for _, row := range []struct {
		user, inbox, tenant string
		told, missing       bool
	}{
		{"fanout", "_INBOX.fanout", "acme", true, false},
		{"fanout", "_INBOX.fanout", "nobody", true, true},
		{"fanout", "_INBOX.fanout", "gone", true, true},
		{"services", "", "acme", false, false},
		{"services", "", "nobody", false, false},
		{"fanout", "_INBOX.fanout", "No Such", false, false}, // no tenant at all: the publisher says so
	} {
		t.Run(row.user+" "+row.tenant, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streamstest.DropTimers(t)
				s := startShipped(t, false)
				reg := registry.New(s.apply().Registry, nil)
				for _, id := range []schemas.TenantID{"acme", "gone"} {
					if err := reg.PutTenant(t.Context(), schemas.Tenant{ID: id, Validation: schemas.ValidationReject}); err != nil {
						t.Fatal(err)
					}
				}
				if err := reg.RemoveTenant(t.Context(), "gone"); err != nil {
					t.Fatal(err)
				}
				nc := s.as(row.user, row.inbox)
				began := time.Now()
				told, err := TenantThere(t.Context(), nc, schemas.TenantID(row.tenant))
				if told != row.told || schemas.HasCode(err, schemas.CodeNotFound) != row.missing || (err != nil) != row.missing {
					t.Errorf("told %t, %v", told, err)
				}
				if err != nil && !strings.Contains(err.Error(), "tidings tenants create "+row.tenant) {
					t.Errorf("it does not say what to do: %v", err)
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("it waited for %s", took)
				}
			})
		})
	}
}

// TestNoRegistryTellsNothing asks a server that has no registry.
func TestNoRegistryTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		s := startShipped(t, false)
		r := broker.Remote{URL: s.url(), NKey: s.seeds["fanout"], InboxPrefix: "_INBOX.fanout", Through: s.through()}
		nc, err := r.Connect("test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if told, err := TenantThere(t.Context(), nc, "acme"); told || err != nil {
			t.Errorf("told %t, %v", told, err)
		}
	})
}
