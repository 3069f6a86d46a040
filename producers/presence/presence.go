// Package presence publishes who shows themselves in a room, and as what. Being
// a member of a room (package rooms) and being present in it are two things.
//
//	function   event type        subject        data
//	[Joined]   presence.joined   Member.RoomID  [Member]
//	[Left]     presence.left     Member.RoomID  [Member]
//	[Updated]  presence.updated  Member.RoomID  [Member]
//
// Each stores the event before it returns, and refuses one that lacks its
// subject before anything is sent. An error is a *[producers.PublishError].
package presence

import (
	"context"

	"github.com/tidings-dev/tidings/producers"
)

// Member is somebody who is present in a room. RoomID is required.
type Member struct {
	RoomID string `json:"roomId"`
	// UserData is what the member shows of themselves: anything that encodes as
	// JSON. Nil leaves it out.
	UserData any                `json:"userData,omitzero"`
	Session  *producers.Session `json:"session,omitzero"` // whose ClientID is the member
}

// Joined publishes that m is present now.
func Joined(ctx context.Context, to producers.Sink, m Member) (producers.Receipt, error) {
	return send(ctx, to, "presence.joined", m)
}

// Left publishes that m is no longer present.
func Left(ctx context.Context, to producers.Sink, m Member) (producers.Receipt, error) {
	return send(ctx, to, "presence.left", m)
}

// Updated publishes that m shows other data now.
func Updated(ctx context.Context, to producers.Sink, m Member) (producers.Receipt, error) {
	return send(ctx, to, "presence.updated", m)
}

func send(ctx context.Context, to producers.Sink, eventType string, m Member) (producers.Receipt, error) {
	if err := (producers.Fields{"Member.RoomID": m.RoomID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, eventType, m.RoomID, m)
}
