// Package rooms publishes what happens to rooms: the places in which the
// clients of an application meet and write to one another.
//
//	function            event type              subject        data
//	[Created]           room.created            Room.ID        [Room]
//	[Joined]            room.joined             Member.RoomID  [Member]
//	[Left]              room.left               Member.RoomID  [Member]
//	[Destroyed]         room.destroyed          Member.RoomID  [Member]
//	[MessagePublished]  room.message.published  Message.ID     [Message]
//
// Each stores the event before it returns, and refuses one that lacks a
// required field before anything is sent. An error is a
// *[producers.PublishError].
package rooms

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Room is a place to meet. ID is required.
type Room struct {
	ID         string             `json:"id"`   // the application's name of it, like "support:42"
	UUID       string             `json:"uuid"` // never used again, even if the ID is
	Visibility Visibility         `json:"visibility"`
	Session    *producers.Session `json:"session,omitzero"` // who made it
}

// Visibility is who may enter a room.
type Visibility string

// Who may enter.
const (
	Public     Visibility = "public"     // anybody
	Private    Visibility = "private"    // whom its owner lets in
	Protected  Visibility = "protected"  // who knows its password
	Authorized Visibility = "authorized" // who the application says
)

// Member is somebody in a room. RoomID is required.
type Member struct {
	RoomID  string             `json:"roomId"`
	Session *producers.Session `json:"session,omitzero"` // whose ClientID is the member
}

// Message is what somebody published to a room. ID is required.
type Message struct {
	ID        string             `json:"id"`
	Body      any                `json:"body"` // anything that encodes as JSON
	RoomID    string             `json:"roomId"`
	Timestamp time.Time          `json:"timestamp" unix:"ms"`
	Event     string             `json:"event"`            // the application's name for this kind of message
	Session   *producers.Session `json:"session,omitzero"` // who published it
}

// MarshalJSON is how a message travels.
func (m Message) MarshalJSON() ([]byte, error) { return producers.Encode(m) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Message) UnmarshalJSON(data []byte) error { return producers.Decode(data, m) }

// Created publishes that r was opened.
func Created(ctx context.Context, to producers.Sink, r Room) (producers.Receipt, error) {
	return producers.Send(ctx, to, "room.created", r.ID, r)
}

// Joined publishes that m entered a room.
func Joined(ctx context.Context, to producers.Sink, m Member) (producers.Receipt, error) {
	return producers.Send(ctx, to, "room.joined", m.RoomID, m)
}

// Left publishes that m went out of a room.
func Left(ctx context.Context, to producers.Sink, m Member) (producers.Receipt, error) {
	return producers.Send(ctx, to, "room.left", m.RoomID, m)
}

// Destroyed publishes that a room is gone, as it is when its last member leaves.
func Destroyed(ctx context.Context, to producers.Sink, last Member) (producers.Receipt, error) {
	return producers.Send(ctx, to, "room.destroyed", last.RoomID, last)
}

// MessagePublished publishes that m was written to the members of a room.
func MessagePublished(ctx context.Context, to producers.Sink, m Message) (producers.Receipt, error) {
	if err := (producers.Fields{"Message.ID": m.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "room.message.published", m.ID, m)
}
