package rooms_test

import (
	"context"
	"testing"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/producerstest"
	"github.com/tidings-dev/tidings/producers/rooms"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	kim := producers.Person{ID: "u2", Name: "Kim"}
	before := rooms.Room{ID: "support:42", Title: "Support", Visibility: "public"}
	after := before
	after.Archived = true
	const (
		beforeJSON = `{"id":"support:42","title":"Support","visibility":"public","isGroup":false,"archived":false}`
		afterJSON  = `{"id":"support:42","title":"Support","visibility":"public","isGroup":false,"archived":true}`
		kimIn      = `{"room":` + beforeJSON + `,"member":{"id":"u2","name":"Kim"}}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "room.created", Subject: "support:42", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Created(ctx, s, before) },
		},
		{
			Name: "updated", Type: "room.updated", Subject: "support:42", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Updated(ctx, s, after, before) },
		},
		{
			Name: "destroyed", Type: "room.destroyed", Subject: "support:42", Data: `{"current":null,"previous":` + afterJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Destroyed(ctx, s, after) },
		},
		{
			Name: "joined", Type: "room.joined", Subject: "support:42", Data: kimIn,
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Joined(ctx, s, before, kim) },
		},
		{
			Name: "left", Type: "room.left", Subject: "support:42", Data: kimIn,
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Left(ctx, s, before, kim) },
		},
		{
			Name: "no id", Refused: "publish room.joined: the subject is empty: set the id of the room",
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Joined(ctx, s, rooms.Room{}, kim) },
		},
		{
			Name: "another room", Refused: "pass the same one",
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Updated(ctx, s, after, rooms.Room{}) },
		},
		{
			Name: "nobody", Refused: "who.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return rooms.Left(ctx, s, before, producers.Person{})
			},
		},
	})
}
