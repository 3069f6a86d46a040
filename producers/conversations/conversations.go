// Package conversations publishes what happens to chat conversations. What
// people write in them is in package messages.
//
//	function   event type            subject          data
//	[Created]  conversation.created  Conversation.ID  {current, previous: null}
//	[Updated]  conversation.updated  Conversation.ID  {current, previous}
//	[Removed]  conversation.removed  Conversation.ID  {current: null, previous}
//
// Each stores the event before it returns, and refuses one that lacks its
// subject before anything is sent. An error is a *[producers.PublishError].
package conversations

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Conversation is where users write to one another. ID is required.
type Conversation struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	OwnerID   string    `json:"ownerId"`
	IsGroup   bool      `json:"isGroup"` // more than two may take part
	Active    bool      `json:"active"`
	Archived  bool      `json:"archived"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// MarshalJSON is how a conversation travels.
func (c Conversation) MarshalJSON() ([]byte, error) { return producers.Encode(c) }

// Created publishes that c was begun.
func Created(ctx context.Context, to producers.Sink, c Conversation) (producers.Receipt, error) {
	return producers.Send(ctx, to, "conversation.created", c.ID, producers.Change{Current: c})
}

// Updated publishes that a conversation changed from previous to current.
func Updated(ctx context.Context, to producers.Sink, current, previous Conversation) (producers.Receipt, error) {
	if err := producers.SameEntity(current.ID, previous.ID); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "conversation.updated", current.ID, producers.Change{Current: current, Previous: previous})
}

// Removed publishes that c is gone.
func Removed(ctx context.Context, to producers.Sink, c Conversation) (producers.Receipt, error) {
	return producers.Send(ctx, to, "conversation.removed", c.ID, producers.Change{Previous: c})
}
