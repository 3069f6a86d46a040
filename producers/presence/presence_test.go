package presence_test

import (
	"context"
	"testing"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/presence"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestEvents(t *testing.T) {
	member := presence.Member{
		RoomID: "support:42", UserData: map[string]string{"mood": "focused"},
		Session: &producers.Session{AppPID: "kd83", KeyID: "w9xk", ClientID: "Qm7T"},
	}
	const memberJSON = `{"roomId":"support:42","userData":{"mood":"focused"},"session":{"appPid":"kd83","keyId":"w9xk","clientId":"Qm7T","connectionId":null,"socketId":null,"timestamp":null,"exp":null,"user":null}}`
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "joined", Type: "presence.joined", Subject: "support:42", Data: memberJSON,
			Call: func(ctx context.Context, s to) (receipt, error) { return presence.Joined(ctx, s, member) },
		},
		{
			Name: "updated", Type: "presence.updated", Subject: "support:42", Data: memberJSON,
			Call: func(ctx context.Context, s to) (receipt, error) { return presence.Updated(ctx, s, member) },
		},
		{
			Name: "left", Type: "presence.left", Subject: "support:42", Data: `{"roomId":"support:42"}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return presence.Left(ctx, s, presence.Member{RoomID: "support:42"})
			},
		},
		{
			Name: "no room", Refused: "Member.RoomID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) { return presence.Left(ctx, s, presence.Member{}) },
		},
	})
}
