package messages

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Inbound is the data of [Received]: a message, and the conversation with a
// customer that it belongs to. Conversation.ID is required, and is the message's
// ConversationID if that is empty.
type Inbound struct {
	Message      InboundMessage      `json:"message"`
	Conversation InboundConversation `json:"conversation"`
}

// InboundMessage is what arrived.
type InboundMessage struct {
	Sender          Sender `json:"sender"`
	ExternalID      string `json:"externalId" zero:"null"` // the id the medium gave it
	Content         string `json:"content" zero:"null"`
	ContentType     string `json:"contentType"` // like "TEXT"
	ImageURL        string `json:"imageUrl" zero:"null"`
	VideoURL        string `json:"videoUrl" zero:"null"`
	DocumentURL     string `json:"documentUrl" zero:"null"`
	AudioURL        string `json:"audioUrl" zero:"null"`
	QuotedMessageID string `json:"quoted_message_id" zero:"null"`
	ConversationID  string `json:"conversation_id"`
}

// MarshalJSON is how a message travels.
func (m InboundMessage) MarshalJSON() ([]byte, error) { return producers.Encode(m) }

// Sender wrote the message.
type Sender struct {
	Name         string    `json:"name"`
	AuthUser     bool      `json:"authUser"` // an agent of ours, not the customer
	LastActivity time.Time `json:"lastActivity"`
}

// MarshalJSON is how a sender travels.
func (s Sender) MarshalJSON() ([]byte, error) { return producers.Encode(s) }

// InboundConversation is a conversation with a customer.
type InboundConversation struct {
	ID            string         `json:"id"`
	Subject       string         `json:"subject" zero:"null"`
	Agent         map[string]any `json:"agent"`
	Customer      Customer       `json:"customer"`
	LastMessageAt time.Time      `json:"lastMessageAt"`
	Status        string         `json:"status"`              // like "in-queue"
	Country       string         `json:"country" zero:"null"` // ISO 3166-1, like "NG"
	Read          bool           `json:"read"`
	CreatedAt     time.Time      `json:"createdAt"`
	UpdatedAt     time.Time      `json:"updatedAt"`
	AgentID       string         `json:"agent_id" zero:"null"`
	Channel       Channel        `json:"Channel"`
}

// MarshalJSON is how a conversation travels.
func (c InboundConversation) MarshalJSON() ([]byte, error) { return producers.Encode(c) }

// Customer is whom the conversation is with.
type Customer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Channel is the account on a medium that the message arrived on.
type Channel struct {
	ID          string   `json:"id"`
	Phone       string   `json:"phone" zero:"null"`
	Identifier  string   `json:"identifier"`
	Medium      string   `json:"medium"` // like "WHATSAPP" or "EMAIL"
	Credentials withheld `json:"credentials"`
	Description string   `json:"description" zero:"null"`
	Name        string   `json:"name"`
	Type        string   `json:"type"` // like "CUSTOM"
	Provider    string   `json:"provider" zero:"null"`
	Country     string   `json:"country" zero:"null"`
	Env         string   `json:"env"`                    // like "LIVE"
	Status      string   `json:"status"`                 // like "ACTIVE"
	WebhookURL  string   `json:"webhookUrl" zero:"null"` // of its own
}

// MarshalJSON is how a channel travels.
func (c Channel) MarshalJSON() ([]byte, error) { return producers.Encode(c) }

// withheld is a member that receivers know and nobody may fill: it is always
// null.
type withheld struct{}

// MarshalJSON is null.
func (withheld) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// UnmarshalJSON forgets.
func (*withheld) UnmarshalJSON([]byte) error { return nil }

// Received publishes that a message arrived on a channel.
func Received(ctx context.Context, to producers.Sink, in Inbound) (producers.Receipt, error) {
	id := in.Conversation.ID
	if err := (producers.Fields{"Conversation.ID": id}).Require(); err != nil {
		return producers.Receipt{}, err
	}
	if in.Message.ConversationID == "" {
		in.Message.ConversationID = id
	}
	return producers.Send(ctx, to, "message.received", id, in)
}
