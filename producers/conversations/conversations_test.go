package conversations_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/conversations"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	begun := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	before := conversations.Conversation{ID: "c1", Title: "Launch", OwnerID: "u1", IsGroup: true, Active: true, CreatedAt: begun, UpdatedAt: begun}
	after := before
	after.Archived, after.UpdatedAt = true, begun.Add(time.Hour)
	const (
		head       = `{"id":"c1","title":"Launch","ownerId":"u1","isGroup":true,"active":true,"createdAt":"2025-03-01T08:00:00.000Z",`
		beforeJSON = head + `"archived":false,"updatedAt":"2025-03-01T08:00:00.000Z"}`
		afterJSON  = head + `"archived":true,"updatedAt":"2025-03-01T09:00:00.000Z"}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "conversation.created", Subject: "c1", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return conversations.Created(ctx, s, before) },
		},
		{
			Name: "updated", Type: "conversation.updated", Subject: "c1", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return conversations.Updated(ctx, s, after, before) },
		},
		{
			Name: "removed", Type: "conversation.removed", Subject: "c1", Data: `{"current":null,"previous":` + afterJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return conversations.Removed(ctx, s, after) },
		},
		{
			Name: "no id", Refused: "publish conversation.removed: the subject is empty: set the id of the conversation",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return conversations.Removed(ctx, s, conversations.Conversation{})
			},
		},
		{
			Name: "another conversation", Refused: "pass the same one",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return conversations.Updated(ctx, s, after, conversations.Conversation{ID: "c2"})
			},
		},
	})
}
