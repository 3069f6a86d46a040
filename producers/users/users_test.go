package users_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/producerstest"
	"github.com/tidings-dev/tidings/producers/users"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	born := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	before := users.User{ID: "u1", Email: "ada@example.test", Active: true, CreatedAt: born}
	after := before
	after.LastName, after.Active = "Moss", false
	google := users.Identity{ID: "i1", Provider: "google", ProviderID: "g7", VerifiedAt: born}
	const (
		beforeJSON = `{"id":"u1","email":"ada@example.test","active":true,"isAdmin":false,"isOptedIn":false,"isOnline":false,"createdAt":"2025-03-01T08:00:00Z"}`
		afterJSON  = `{"id":"u1","lastName":"Moss","email":"ada@example.test","active":false,"isAdmin":false,"isOptedIn":false,"isOnline":false,"createdAt":"2025-03-01T08:00:00Z"}`
		byGoogle   = `{"user":` + beforeJSON + `,"identity":{"id":"i1","provider":"google","providerId":"g7","verifiedAt":"2025-03-01T08:00:00Z"}}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "user.created", Subject: "u1", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Created(ctx, s, before) },
		},
		{
			Name: "updated", Type: "user.updated", Subject: "u1", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Updated(ctx, s, after, before) },
		},
		{
			Name: "removed", Type: "user.removed", Subject: "u1", Data: `{"current":null,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Removed(ctx, s, before) },
		},
		{
			Name: "verified", Type: "user.verified", Subject: "u1", Data: byGoogle,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Verified(ctx, s, before, google) },
		},
		{
			Name: "signed in", Type: "user.signed_in", Subject: "u1", Data: byGoogle,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.SignedIn(ctx, s, before, google) },
		},
		{
			Name: "status", Type: "user.status.updated", Subject: "u1", Data: `{"user":` + beforeJSON + `,"status":"away"}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.StatusUpdated(ctx, s, before, "away") },
		},
		{
			Name: "no id", Refused: "publish user.created: the subject is empty: set the id of the user (nothing was stored)",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.Created(ctx, s, users.User{Email: "a@b"})
			},
		},
		{
			Name: "another user", Refused: `current.ID is "u1" and previous.ID is "u2": pass the same one, after and before`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.Updated(ctx, s, after, users.User{ID: "u2"})
			},
		},
		{
			Name: "no status", Refused: "status is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) { return users.StatusUpdated(ctx, s, before, "") },
		},
		{
			Name: "data that is not JSON", Refused: "data does not encode as JSON",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.Created(ctx, s, users.User{ID: "u1", CustomData: map[string]any{"f": func() {}}})
			},
		},
	})
}
