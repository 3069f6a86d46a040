package messages_test

import (
	"context"
	"testing"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/messages"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	kim := producers.Person{ID: "u2", Name: "Kim"}
	before := messages.Message{ID: "m1", RoomID: "c1", Direct: true, Author: producers.Person{ID: "u1"}, Body: "Hello team"}
	after := before
	after.Body = "Hello all"
	const (
		beforeJSON = `{"id":"m1","roomId":"c1","direct":true,"author":{"id":"u1"},"body":"Hello team"}`
		afterJSON  = `{"id":"m1","roomId":"c1","direct":true,"author":{"id":"u1"},"body":"Hello all"}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "message.created", Subject: "m1", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.Created(ctx, s, before) },
		},
		{
			Name: "updated", Type: "message.updated", Subject: "m1", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.Updated(ctx, s, after, before) },
		},
		{
			Name: "removed", Type: "message.removed", Subject: "m1", Data: `{"current":null,"previous":` + afterJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.Removed(ctx, s, after) },
		},
		{
			Name: "mentioned", Type: "message.mentioned", Subject: "m1", Data: `{"message":` + beforeJSON + `,"mentioned":{"id":"u2","name":"Kim"}}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.Mentioned(ctx, s, before, kim) },
		},
		{
			Name: "reaction", Type: "message.reaction.added", Subject: "m1", Data: `{"message":` + beforeJSON + `,"name":"heart","by":{"id":"u2","name":"Kim"}}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.ReactionAdded(ctx, s, messages.Reaction{Message: before, Name: "heart", By: kim})
			},
		},
		{
			Name: "no id", Refused: "publish message.created: the subject is empty: set the id of the message",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.Created(ctx, s, messages.Message{Body: "?"})
			},
		},
		{
			Name: "another message", Refused: "pass the same one",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.Updated(ctx, s, after, messages.Message{})
			},
		},
		{
			Name: "nobody mentioned", Refused: "who.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.Mentioned(ctx, s, before, producers.Person{})
			},
		},
		{
			Name: "nobody reacted", Refused: "Reaction.By.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.ReactionAdded(ctx, s, messages.Reaction{Message: before})
			},
		},
	})
}
