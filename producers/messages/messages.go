// Package messages publishes what happens to the messages people write to one
// another.
//
//	function         event type              subject     data
//	[Created]        message.created         Message.ID  {current, previous: null}
//	[Updated]        message.updated         Message.ID  {current, previous}
//	[Removed]        message.removed         Message.ID  {current: null, previous}
//	[Mentioned]      message.mentioned       Message.ID  {message, mentioned}
//	[ReactionAdded]  message.reaction.added  Message.ID  {message, name, by}
//
// Each stores the event before it returns, and refuses one that lacks a
// required field before anything is sent. An error is a
// *[producers.PublishError].
package messages

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Message is what somebody wrote. ID is required.
type Message struct {
	ID string `json:"id"`
	// RoomID is the room, chat or conversation it was written in.
	RoomID string `json:"roomId,omitempty"`
	// Direct says that it was written to one person, not to a group.
	Direct bool             `json:"direct"`
	Author producers.Person `json:"author,omitzero"`
	Body   string           `json:"body"`
	// ContentType is the kind of content, the service's own word: "text",
	// "voice", "poll", …
	ContentType string `json:"contentType,omitempty"`
	// ReplyTo is the message it quotes, ThreadID the one that began its thread.
	ReplyTo   string    `json:"replyTo,omitempty"`
	ThreadID  string    `json:"threadId,omitempty"`
	FileIDs   []string  `json:"fileIds,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	DeletedAt time.Time `json:"deletedAt,omitzero"`
}

// Created publishes that m was written.
func Created(ctx context.Context, to producers.Sink, m Message) (producers.Receipt, error) {
	return producers.Send(ctx, to, "message.created", m.ID, producers.Change{Current: m})
}

// Updated publishes that a message changed from previous to current.
func Updated(ctx context.Context, to producers.Sink, current, previous Message) (producers.Receipt, error) {
	if err := producers.SameEntity(current.ID, previous.ID); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "message.updated", current.ID, producers.Change{Current: current, Previous: previous})
}

// Removed publishes that m is gone.
func Removed(ctx context.Context, to producers.Sink, m Message) (producers.Receipt, error) {
	return producers.Send(ctx, to, "message.removed", m.ID, producers.Change{Previous: m})
}

// Mention is the data of [Mentioned].
type Mention struct {
	Message   Message          `json:"message"`
	Mentioned producers.Person `json:"mentioned"`
}

// Mentioned publishes that m names somebody, whose ID is required. It comes
// beside the event of [Created], once for each person.
func Mentioned(ctx context.Context, to producers.Sink, m Message, who producers.Person) (producers.Receipt, error) {
	if err := (producers.Fields{"who.ID": who.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "message.mentioned", m.ID, Mention{Message: m, Mentioned: who})
}

// Reaction is the data of [ReactionAdded]. Name and By.ID are required.
type Reaction struct {
	Message Message          `json:"message"`
	Name    string           `json:"name"` // of the emoji, like "heart"
	By      producers.Person `json:"by"`
}

// ReactionAdded publishes that somebody reacted to a message.
func ReactionAdded(ctx context.Context, to producers.Sink, r Reaction) (producers.Receipt, error) {
	if err := (producers.Fields{"Reaction.Name": r.Name, "Reaction.By.ID": r.By.ID}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "message.reaction.added", r.Message.ID, r)
}
