package messages

import (
	"context"
	"strconv"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// ChatMessage is a message in a chat: between two, or in a group. Chat and
// Timestamp are required. Ids in it are like "U-<uuid>", where the letter says
// what they are of.
type ChatMessage struct {
	Type        messageType `json:"type"`
	ContentType ContentType `json:"contentType"`
	Sender      string      `json:"sender"`
	Chat        string      `json:"chat"`
	// Timestamp is when the message was written, to the microsecond. With Chat
	// it identifies the message.
	Timestamp       time.Time        `json:"timestamp" unix:"us"`
	Text            string           `json:"text,omitzero"`                      // Markdown
	ThreadTimestamp time.Time        `json:"threadTimestamp,omitzero" unix:"us"` // of the message that began the thread
	ReplyTimestamp  time.Time        `json:"replyTimestamp,omitzero" unix:"us"`  // of the message it answers
	Items           []ChatItem       `json:"items,omitzero"`
	Blocks          []map[string]any `json:"blocks,omitzero"` // the layout of a [BlockContent]
	Color           string           `json:"color,omitzero"`
	Poll            *Poll            `json:"poll,omitzero"`
	Reactions       []any            `json:"reactions,omitzero"`
}

// ContentType is what a chat message consists of.
type ContentType string

// What a chat message can consist of.
const (
	TextContent  ContentType = "text"
	BlockContent ContentType = "block"
	VoiceContent ContentType = "voice"
	PollContent  ContentType = "poll"
)

// MarshalJSON is how a chat message travels.
func (m ChatMessage) MarshalJSON() ([]byte, error) { return producers.Encode(m) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *ChatMessage) UnmarshalJSON(data []byte) error { return producers.Decode(data, m) }

// messageType is what the type of a chat message always is.
type messageType struct{}

// MarshalJSON is always the same.
func (messageType) MarshalJSON() ([]byte, error) { return []byte(`"message"`), nil }

// UnmarshalJSON knows it already.
func (*messageType) UnmarshalJSON([]byte) error { return nil }

// ChatItem is a file that hangs on a chat message.
type ChatItem struct {
	ID        string    `json:"id"`
	Type      ItemType  `json:"type"`
	MIME      string    `json:"mime,omitzero"`
	Created   time.Time `json:"created"`
	Name      string    `json:"name"`
	URL       string    `json:"url"`
	Thumbnail string    `json:"thumbnail,omitzero"`
	Size      int64     `json:"size,omitzero"` // in bytes
	Width     int       `json:"width,omitzero"`
	Height    int       `json:"height,omitzero"`
}

// ItemType is what an item is.
type ItemType string

// What an item can be.
const (
	Photo ItemType = "photo"
	Blob  ItemType = "blob" // any other file
)

// MarshalJSON is how an item travels.
func (i ChatItem) MarshalJSON() ([]byte, error) { return producers.Encode(i) }

// Poll asks those who read it.
type Poll struct {
	Question              string       `json:"question"`
	Options               []PollOption `json:"options"`
	AllowsMultipleAnswers bool         `json:"allowMultipleAnswers"`
	ClosesAt              time.Time    `json:"closesAt,omitzero" unix:"us"`
}

// MarshalJSON is how a poll travels.
func (p Poll) MarshalJSON() ([]byte, error) { return producers.Encode(p) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Poll) UnmarshalJSON(data []byte) error { return producers.Decode(data, p) }

// PollOption is one answer.
type PollOption struct {
	ID   int64  `json:"id"`
	Text string `json:"text"`
}

// Reaction is an emoji that somebody put under a chat message. Chat and Timestamp
// are required.
type Reaction struct {
	Chat      string    `json:"chat"`
	Timestamp time.Time `json:"timestamp" unix:"us"` // of the message
	Name      string    `json:"name"`                // of the emoji, like "heart"
	User      ChatUser  `json:"user"`
}

// ChatUser is somebody who chats.
type ChatUser struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	ImageURL string     `json:"imageUrl,omitzero"`
	Email    string     `json:"email,omitzero"`
	IsAdmin  bool       `json:"isAdmin,omitzero"`
	JobTitle string     `json:"jobTitle,omitzero"`
	Location string     `json:"location,omitzero"`
	Status   UserStatus `json:"status,omitzero"`
}

// UserStatus is whether somebody is at work.
type UserStatus string

// What a user can be.
const (
	CheckedIn  UserStatus = "checkedIn"
	CheckedOut UserStatus = "checkedOut"
)

// MarshalJSON is how a reaction travels.
func (r Reaction) MarshalJSON() ([]byte, error) { return producers.Encode(r) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Reaction) UnmarshalJSON(data []byte) error { return producers.Decode(data, r) }

// ChatDM publishes that m was written to one person.
func ChatDM(ctx context.Context, to producers.Sink, m ChatMessage) (producers.Receipt, error) {
	return sendChat(ctx, to, "chat.message.dm", m)
}

// ChatChannel publishes that m was written in a group.
func ChatChannel(ctx context.Context, to producers.Sink, m ChatMessage) (producers.Receipt, error) {
	return sendChat(ctx, to, "chat.message.channel", m)
}

// ChatMention publishes that m mentions the application.
func ChatMention(ctx context.Context, to producers.Sink, m ChatMessage) (producers.Receipt, error) {
	return sendChat(ctx, to, "chat.message.mention", m)
}

func sendChat(ctx context.Context, to producers.Sink, eventType string, m ChatMessage) (producers.Receipt, error) {
	id, err := chatID(m.Chat, m.Timestamp)
	if err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, eventType, id, m)
}

// ChatReaction publishes that somebody reacted to a chat message.
func ChatReaction(ctx context.Context, to producers.Sink, r Reaction) (producers.Receipt, error) {
	id, err := chatID(r.Chat, r.Timestamp)
	if err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "chat.message.reaction", id, r)
}

// chatID identifies a chat message.
func chatID(chat string, written time.Time) (string, error) {
	micros := ""
	if !written.IsZero() {
		micros = strconv.FormatInt(written.UnixMicro(), 10)
	}
	return chat + "/" + micros, producers.Fields{"Chat": chat, "Timestamp": micros}.Require()
}
