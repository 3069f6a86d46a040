package rooms_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/producerstest"
	"github.com/tidings-dev/tidings/producers/rooms"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	session := &producers.Session{AppPID: "kd83", KeyID: "w9xk", ClientID: "Qm7T"}
	kim := rooms.Member{RoomID: "support:42", Session: session}
	written := time.Date(2025, 1, 5, 10, 0, 1, 200_999_999, time.UTC)
	const (
		sessionJSON = `{"appPid":"kd83","keyId":"w9xk","clientId":"Qm7T","connectionId":null,"socketId":null,"timestamp":null,"exp":null,"user":null}`
		kimJSON     = `{"roomId":"support:42","session":` + sessionJSON + `}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "room.created", Subject: "support:42", Data: `{"id":"support:42","uuid":"7d7b","visibility":"public","session":` + sessionJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return rooms.Created(ctx, s, rooms.Room{ID: "support:42", UUID: "7d7b", Visibility: rooms.Public, Session: session})
			},
		},
		{
			Name: "joined", Type: "room.joined", Subject: "support:42", Data: kimJSON,
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Joined(ctx, s, kim) },
		},
		{
			Name: "left", Type: "room.left", Subject: "support:42", Data: kimJSON,
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Left(ctx, s, kim) },
		},
		{
			Name: "destroyed", Type: "room.destroyed", Subject: "support:42", Data: `{"roomId":"support:42"}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return rooms.Destroyed(ctx, s, rooms.Member{RoomID: "support:42"})
			},
		},
		{
			Name: "message", Type: "room.message.published", Subject: "m1",
			Data: `{"id":"m1","body":{"message":"hello"},"roomId":"support:42","timestamp":1736071201200,"event":"chat","session":` + sessionJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return rooms.MessagePublished(ctx, s, rooms.Message{
					ID: "m1", Body: map[string]string{"message": "hello"}, RoomID: "support:42", Timestamp: written, Event: "chat", Session: session,
				})
			},
		},
		{
			Name: "no id", Refused: "publish room.created: the subject is empty: set the id of the room",
			Call: func(ctx context.Context, s to) (receipt, error) { return rooms.Created(ctx, s, rooms.Room{}) },
		},
		{
			Name: "no room", Refused: "publish room.joined: the subject is empty: set the id of the room",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return rooms.Joined(ctx, s, rooms.Member{Session: session})
			},
		},
		{
			Name: "no message id", Refused: "Message.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return rooms.MessagePublished(ctx, s, rooms.Message{RoomID: "support:42"})
			},
		},
	})
}
