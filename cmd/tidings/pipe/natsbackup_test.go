package pipe

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/backup"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// TestBackupByTheRightsOfTheAPI saves and restores a registry as the shipped user of the
// role api.
func TestBackupByTheRightsOfTheAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		s := startShipped(t, false)
		applied := s.apply()
		ctx, stop := context.WithTimeout(t.Context(), time.Minute) // what is denied is not answered
		defer stop()
		if err := registry.New(applied.Registry, nil).PutTenant(ctx, schemas.Tenant{ID: "acme"}); err != nil {
			t.Fatal(err)
		}
		bucket, err := backup.Open(ctx, s.as("api", inboxes["api"]))
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		h, err := bucket.Write(ctx, &file, func(int) {})
		if err != nil || h.Count == 0 || h.Events.IsZero() {
			t.Fatalf("%+v, %v", h, err)
		}
		done, err := bucket.Restore(ctx, &file, backup.Options{Replace: true})
		if err != nil || done.Written != h.Count || done.LeftOut != 0 {
			t.Errorf("%+v, %v", done, err)
		}
	})
}
