// Package rooms publishes what happens to rooms: the places, by whatever name
// (chat, channel, conversation), in which people meet and write.
//
//	function     event type      subject  data
//	[Created]    room.created    Room.ID  {current, previous: null}
//	[Updated]    room.updated    Room.ID  {current, previous}
//	[Destroyed]  room.destroyed  Room.ID  {current: null, previous}
//	[Joined]     room.joined     Room.ID  {room, member}
//	[Left]       room.left       Room.ID  {room, member}
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
	ID      string `json:"id"`
	Title   string `json:"title,omitempty"`
	OwnerID string `json:"ownerId,omitempty"`
	// Visibility is who may enter, like "public", "private", "protected" or
	// "authorized".
	Visibility string    `json:"visibility,omitempty"`
	IsGroup    bool      `json:"isGroup"` // more than two may be in it
	Archived   bool      `json:"archived"`
	CreatedAt  time.Time `json:"createdAt,omitzero"`
	UpdatedAt  time.Time `json:"updatedAt,omitzero"`
}

// Created publishes that r was opened.
func Created(ctx context.Context, to producers.Sink, r Room) (producers.Receipt, error) {
	return producers.Send(ctx, to, "room.created", r.ID, producers.Change{Current: r})
}

// Updated publishes that a room changed from previous to current.
func Updated(ctx context.Context, to producers.Sink, current, previous Room) (producers.Receipt, error) {
	if err := producers.SameEntity(current.ID, previous.ID); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "room.updated", current.ID, producers.Change{Current: current, Previous: previous})
}

// Destroyed publishes that r is gone.
func Destroyed(ctx context.Context, to producers.Sink, r Room) (producers.Receipt, error) {
	return producers.Send(ctx, to, "room.destroyed", r.ID, producers.Change{Previous: r})
}

// Membership is the data of [Joined] and [Left].
type Membership struct {
	Room   Room             `json:"room"`
	Member producers.Person `json:"member"`
}

// Joined publishes that somebody, whose ID is required, entered r.
func Joined(ctx context.Context, to producers.Sink, r Room, who producers.Person) (producers.Receipt, error) {
	return moved(ctx, to, "room.joined", Membership{Room: r, Member: who})
}

// Left publishes that somebody, whose ID is required, went out of r.
func Left(ctx context.Context, to producers.Sink, r Room, who producers.Person) (producers.Receipt, error) {
	return moved(ctx, to, "room.left", Membership{Room: r, Member: who})
}

func moved(ctx context.Context, to producers.Sink, eventType string, m Membership) (producers.Receipt, error) {
	if err := (producers.Fields{"who.ID": m.Member.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, eventType, m.Room.ID, m)
}
