package messages_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/messages"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

var written = time.Date(2026, 1, 1, 0, 0, 0, 123_456_789, time.UTC)

func TestMessageEvents(t *testing.T) {
	before := messages.Message{ID: "m1", Body: "Hello team", ConversationID: "c1", AuthorID: "u1", CreatedAt: written, UpdatedAt: written}
	after := before
	after.Body, after.FileID, after.DeletedAt = "Hello all", "f1", written
	const (
		head       = `{"id":"m1","conversationId":"c1","authorId":"u1","messageStatusId":null,"createdAt":"2026-01-01T00:00:00.123Z","updatedAt":"2026-01-01T00:00:00.123Z",`
		beforeJSON = head + `"body":"Hello team","fileId":null,"deletedAt":null}`
		afterJSON  = head + `"body":"Hello all","fileId":"f1","deletedAt":"2026-01-01T00:00:00.123Z"}`
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
	})
}

func TestReceived(t *testing.T) {
	in := messages.Inbound{
		Message: messages.InboundMessage{Sender: messages.Sender{Name: "Ngozi A.", LastActivity: written}, Content: "Hi", ContentType: "TEXT"},
		Conversation: messages.InboundConversation{
			ID: "c1", Customer: messages.Customer{Name: "Ngozi A."}, LastMessageAt: written, Status: "in-queue", Country: "NG", CreatedAt: written, UpdatedAt: written,
			Channel: messages.Channel{ID: "ch1", Identifier: "acme", Medium: "WHATSAPP", Name: "Support", Type: "CUSTOM", Env: "LIVE", Status: "ACTIVE"},
		},
	}
	const at = `"2026-01-01T00:00:00.123Z"`
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "received", Type: "message.received", Subject: "c1",
			Data: `{"message":{"sender":{"name":"Ngozi A.","authUser":false,"lastActivity":` + at + `},"externalId":null,"content":"Hi","contentType":"TEXT","imageUrl":null,"videoUrl":null,"documentUrl":null,"audioUrl":null,"quoted_message_id":null,"conversation_id":"c1"},` +
				`"conversation":{"id":"c1","subject":null,"agent":null,"customer":{"name":"Ngozi A.","email":""},"lastMessageAt":` + at + `,"status":"in-queue","country":"NG","read":false,"createdAt":` + at + `,"updatedAt":` + at + `,"agent_id":null,` +
				`"Channel":{"id":"ch1","phone":null,"identifier":"acme","medium":"WHATSAPP","credentials":null,"description":null,"name":"Support","type":"CUSTOM","provider":null,"country":null,"env":"LIVE","status":"ACTIVE","webhookUrl":null}}}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.Received(ctx, s, in) },
		},
		{
			Name: "no conversation", Refused: "Conversation.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.Received(ctx, s, messages.Inbound{Message: in.Message})
			},
		},
	})
}

// Credentials that come in do not go out.
func TestCredentialsAreWithheld(t *testing.T) {
	var c messages.Channel
	if err := json.Unmarshal([]byte(`{"id":"ch1","credentials":{"email":"a@example.test","password":"secret"}}`), &c); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(c)
	const want = `{"id":"ch1","phone":null,"identifier":"","medium":"","credentials":null,"description":null,"name":"","type":"","provider":null,"country":null,"env":"","status":"","webhookUrl":null}`
	if err != nil || string(data) != want {
		t.Errorf("%s, %v\nwant %s", data, err, want)
	}
}

func TestChatEvents(t *testing.T) {
	m := messages.ChatMessage{ContentType: messages.TextContent, Sender: "U-5d1f", Chat: "C-3f6a", Timestamp: written, Text: "deploy finished"}
	reply := m
	reply.ReplyTimestamp = written.Add(-time.Microsecond)
	reply.Items = []messages.ChatItem{{ID: "it1", Type: messages.Photo, Created: written, Name: "a.png", URL: "https://example.test/a.png", Size: 7}}
	poll := m
	poll.ContentType, poll.Text = messages.PollContent, ""
	poll.Poll = &messages.Poll{Question: "Ship?", Options: []messages.PollOption{{ID: 1, Text: "Yes"}}, ClosesAt: written}
	const (
		head    = `{"type":"message","sender":"U-5d1f","chat":"C-3f6a","timestamp":1767225600123456,`
		subject = "C-3f6a/1767225600123456"
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "direct", Type: "chat.message.dm", Subject: subject,
			Data: head + `"contentType":"text","text":"deploy finished","replyTimestamp":1767225600123455,"items":[{"id":"it1","type":"photo","created":"2026-01-01T00:00:00.123Z","name":"a.png","url":"https://example.test/a.png","size":7}]}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.ChatDM(ctx, s, reply) },
		},
		{
			Name: "in a group", Type: "chat.message.channel", Subject: subject,
			Data: head + `"contentType":"poll","poll":{"question":"Ship?","options":[{"id":1,"text":"Yes"}],"allowMultipleAnswers":false,"closesAt":1767225600123456}}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.ChatChannel(ctx, s, poll) },
		},
		{
			Name: "mention", Type: "chat.message.mention", Subject: subject, Data: head + `"contentType":"text","text":"deploy finished"}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return messages.ChatMention(ctx, s, m) },
		},
		{
			Name: "reaction", Type: "chat.message.reaction", Subject: subject,
			Data: `{"chat":"C-3f6a","timestamp":1767225600123456,"name":"heart","user":{"id":"U-1","name":"Dana Reyes","status":"checkedIn"}}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.ChatReaction(ctx, s, messages.Reaction{
					Chat: "C-3f6a", Timestamp: written, Name: "heart", User: messages.ChatUser{ID: "U-1", Name: "Dana Reyes", Status: messages.CheckedIn},
				})
			},
		},
		{
			Name: "no chat", Refused: "Chat is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.ChatDM(ctx, s, messages.ChatMessage{Timestamp: written})
			},
		},
		{
			Name: "no timestamp", Refused: "Timestamp is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return messages.ChatReaction(ctx, s, messages.Reaction{Chat: "C-3f6a"})
			},
		},
	})
}
