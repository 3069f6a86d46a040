package producers_test

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/conversations"
	"github.com/tidings-dev/tidings/producers/files"
	"github.com/tidings-dev/tidings/producers/lobbies"
	"github.com/tidings-dev/tidings/producers/messages"
	"github.com/tidings-dev/tidings/producers/onair"
	"github.com/tidings-dev/tidings/producers/presence"
	"github.com/tidings-dev/tidings/producers/rooms"
	"github.com/tidings-dev/tidings/producers/users"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

// function is a function of a domain package that publishes.
type function struct {
	name string // like "users.Created"
	call func(ctx context.Context, s to, data any) (receipt, error)
	// minimal is the least that its schema allows, in the Go type of its data.
	minimal any
	// full is a value of the same type with nothing left out.
	full func() any
}

// functions are all of them.
func functions() []function {
	at := time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC)
	user := users.User{ID: "u1", CreatedAt: at, UpdatedAt: at}
	invite := users.Invite{ID: "i1", CreatedByUserID: "u1", Status: users.InvitePending, CreatedAt: at}
	conversation := conversations.Conversation{ID: "c1", OwnerID: "u1", CreatedAt: at, UpdatedAt: at}
	message := messages.Message{ID: "m1", ConversationID: "c1", CreatedAt: at, UpdatedAt: at}
	file := files.File{ID: "f1", Status: files.Ready, CategoryID: "fc1", CreatedByUserID: "u1", CreatedAt: at, UpdatedAt: at}
	inbound := messages.Inbound{
		Message: messages.InboundMessage{ConversationID: "c1"},
		Conversation: messages.InboundConversation{
			ID: "c1", LastMessageAt: at, CreatedAt: at, UpdatedAt: at, Channel: messages.Channel{ID: "ch1"},
		},
	}
	chat := messages.ChatMessage{ContentType: messages.TextContent, Sender: "U-1", Chat: "D-1", Timestamp: at}
	reaction := messages.Reaction{Chat: "D-1", Timestamp: at, Name: "heart", User: messages.ChatUser{ID: "U-1"}}
	signIn := users.SignIn{Identities: []users.Identity{}, Factors: []users.Factor{}, VerifiedAt: at}
	event := onair.Event{ID: "e1", Start: at, End: at, Hosts: []onair.Host{}}
	guest := onair.Guest{ID: "g1", EventID: "e1", Status: onair.Invited}
	return slices.Concat(
		change("users.", user, users.Created, users.Updated, users.Removed),
		change("users.Invite", invite, users.InviteCreated, users.InviteUpdated, users.InviteRemoved),
		change("conversations.", conversation, conversations.Created, conversations.Updated, conversations.Removed),
		change("messages.", message, messages.Created, messages.Updated, messages.Removed),
		change("files.", file, files.Created, files.Updated, files.Removed),
		[]function{
			one("users.SignedUp", users.SignUp{Identities: []users.Identity{}}, ofUser(users.SignedUp)),
			one("users.Verified", signIn, ofUser(users.Verified)),
			one("users.SignedIn", signIn, ofUser(users.SignedIn)),
			one("users.SessionInitialized", users.Connection{Session: &producers.Session{ConnectionID: "a:b"}},
				func(ctx context.Context, s to, c users.Connection) (receipt, error) {
					return users.SessionInitialized(ctx, s, *c.Session)
				}),
			one("users.StatusUpdated", users.Status{ID: "u1"}, users.StatusUpdated),
			one("presence.Joined", presence.Member{RoomID: "r1"}, presence.Joined),
			one("presence.Left", presence.Member{RoomID: "r1"}, presence.Left),
			one("presence.Updated", presence.Member{RoomID: "r1"}, presence.Updated),
			one("rooms.Created", rooms.Room{ID: "r1", UUID: "7d7b", Visibility: rooms.Public}, rooms.Created),
			one("rooms.Joined", rooms.Member{RoomID: "r1"}, rooms.Joined),
			one("rooms.Left", rooms.Member{RoomID: "r1"}, rooms.Left),
			one("rooms.Destroyed", rooms.Member{RoomID: "r1"}, rooms.Destroyed),
			one("rooms.MessagePublished", rooms.Message{ID: "m1", RoomID: "r1", Timestamp: at, Event: "chat"}, rooms.MessagePublished),
			one("messages.Received", inbound, messages.Received),
			one("messages.ChatDM", chat, messages.ChatDM),
			one("messages.ChatChannel", chat, messages.ChatChannel),
			one("messages.ChatMention", chat, messages.ChatMention),
			one("messages.ChatReaction", reaction, messages.ChatReaction),
			one("files.RecordingSaved", files.Recording{ID: "rec1", Start: at, End: at}, files.RecordingSaved),
			one("files.TranscriptSaved", files.Transcript{ID: "t1"}, files.TranscriptSaved),
			one("lobbies.Booked", lobbies.Reservation{Lobby: lobbies.Lobby{ID: "L-1"}, Booking: lobbies.Booking{ID: "b1", Start: at, End: at}},
				func(ctx context.Context, s to, r lobbies.Reservation) (receipt, error) {
					return lobbies.Booked(ctx, s, r.Lobby, r.Booking)
				}),
			one("onair.EventCreated", onair.Announcement{Event: event}, ofEvent(onair.EventCreated)),
			one("onair.EventUpdated", onair.Announcement{Event: event}, ofEvent(onair.EventUpdated)),
			one("onair.EventCanceled", onair.Announcement{Event: event}, ofEvent(onair.EventCanceled)),
			one("onair.GuestRSVP", onair.RSVP{Event: event, Guest: guest},
				func(ctx context.Context, s to, r onair.RSVP) (receipt, error) {
					return onair.GuestRSVP(ctx, s, r.Event, r.Guest)
				}),
			one("onair.GuestsAdded", onair.GuestList{Event: event, Guests: []onair.Guest{guest}},
				func(ctx context.Context, s to, l onair.GuestList) (receipt, error) {
					return onair.GuestsAdded(ctx, s, l.Event, l.Guests...)
				}),
		})
}

// publishes is a function that takes data of one type.
type publishes[T any] = func(context.Context, to, T) (receipt, error)

func one[T any](name string, minimal T, f publishes[T]) function {
	return function{
		name:    name,
		call:    func(ctx context.Context, s to, data any) (receipt, error) { return f(ctx, s, data.(T)) },
		minimal: minimal,
		full:    func() any { return full[T]() },
	}
}

func ofUser[T any](f func(context.Context, to, string, T) (receipt, error)) publishes[T] {
	return func(ctx context.Context, s to, data T) (receipt, error) { return f(ctx, s, "u1", data) }
}

func ofEvent(f publishes[onair.Event]) publishes[onair.Announcement] {
	return func(ctx context.Context, s to, a onair.Announcement) (receipt, error) { return f(ctx, s, a.Event) }
}

// made and changed are producers.Change of entities of one type.
type (
	made[T any] struct {
		Current  *T        `json:"current"`
		Previous *struct{} `json:"previous"`
	}
	changed[T any] struct {
		Current  *T `json:"current"`
		Previous *T `json:"previous"`
	}
)

// change is the functions of an entity's life.
func change[T any](prefix string, minimal T, created publishes[T], updated func(context.Context, to, T, T) (receipt, error), removed publishes[T]) []function {
	fs := []function{
		one(prefix+"Created", made[T]{Current: &minimal},
			func(ctx context.Context, s to, c made[T]) (receipt, error) { return created(ctx, s, *c.Current) }),
		one(prefix+"Updated", changed[T]{Current: &minimal, Previous: &minimal},
			func(ctx context.Context, s to, c changed[T]) (receipt, error) {
				return updated(ctx, s, *c.Current, *c.Previous)
			}),
		one(prefix+"Removed", changed[T]{Previous: &minimal},
			func(ctx context.Context, s to, c changed[T]) (receipt, error) { return removed(ctx, s, *c.Previous) }),
	}
	entity := full[T]()
	fs[0].full = func() any { return made[T]{Current: &entity} }
	fs[2].full = func() any { return changed[T]{Previous: &entity} }
	return fs
}

// full is a value in which every field is set.
func full[T any]() (v T) {
	fill(reflect.ValueOf(&v).Elem())
	return v
}

func fill(v reflect.Value) {
	switch closed := map[reflect.Type]string{
		reflect.TypeFor[users.InviteStatus]():    string(users.InviteExpired),
		reflect.TypeFor[rooms.Visibility]():      string(rooms.Protected),
		reflect.TypeFor[files.Status]():          string(files.Failed),
		reflect.TypeFor[files.ParticipantType](): string(files.Guest),
		reflect.TypeFor[messages.ContentType]():  string(messages.PollContent),
		reflect.TypeFor[messages.ItemType]():     string(messages.Photo),
		reflect.TypeFor[messages.UserStatus]():   string(messages.CheckedOut),
		reflect.TypeFor[onair.Status]():          string(onair.NotGoing),
	}; {
	case closed[v.Type()] != "":
		v.SetString(closed[v.Type()])
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC)))
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(7)
	case v.CanFloat():
		v.SetFloat(1.5)
	case v.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(map[string]any{"k": "v"}))
	case v.Kind() == reflect.Map:
		v.Set(reflect.ValueOf(map[string]any{"k": "v"}))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(field)
		}
	}
}
