// Package messages publishes what people write to one another: the messages of
// conversations, what arrives on a channel from outside, and chat.
//
//	function            event type             subject          data
//	[Created]           message.created        Message.ID       {current, previous: null}
//	[Updated]           message.updated        Message.ID       {current, previous}
//	[Removed]           message.removed        Message.ID       {current: null, previous}
//	[Received]          message.received       Conversation.ID  [Inbound]
//	[ChatDM]            chat.message.dm        chat/timestamp   [ChatMessage]
//	[ChatChannel]       chat.message.channel   chat/timestamp   [ChatMessage]
//	[ChatMention]       chat.message.mention   chat/timestamp   [ChatMessage]
//	[ChatReaction]      chat.message.reaction  chat/timestamp   [Reaction]
//
// A chat message has no id of its own: its chat and the microsecond in which it
// was written are.
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

// Message is what somebody wrote in a conversation. ID is required.
type Message struct {
	ID             string    `json:"id"`
	Body           string    `json:"body"`
	ConversationID string    `json:"conversationId"`
	AuthorID       string    `json:"authorId" zero:"null"`
	FileID         string    `json:"fileId" zero:"null"`
	StatusID       string    `json:"messageStatusId" zero:"null"`
	CreatedAt      time.Time `json:"createdAt"`
	UpdatedAt      time.Time `json:"updatedAt"`
	DeletedAt      time.Time `json:"deletedAt"`
}

// MarshalJSON is how a message travels.
func (m Message) MarshalJSON() ([]byte, error) { return producers.Encode(m) }

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
