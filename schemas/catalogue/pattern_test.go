package catalogue_test

import (
	"testing"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		dialect    schemas.Dialect
		text, want string // "" is refused
	}{
		{"", "user.created", "user.created"},
		{"standard", "any.thing", "any.thing"},
		{"standard", "user.*", "user.*"},
		{"standard", "user..x", ""},
		{"standard", "us*r", ""},
		{"roam", "chat:message:dm", "chat.message.dm"},
		{"roam", "chat.message.dm", "chat.message.dm"},
		{"roam", "user.status.update", "user.status.updated"},
		{"roam", "user.status.updated", "user.status.updated"},
		{"roam", "onair.event.created", "onair.event.created"},
		{"roam", "user.created", ""}, // ROQ's
		{"roam", "*", "*"},
		{"roam", "user.*", "user.*"},
		{"roam", "us*r", ""},
		{"relaybox", "auth:signin", "user.signed_in"},
		{"relaybox", "auth.signin", ""}, // only Roam writes its names both ways
		{"roq", "ROQ_USER_INSERT", "user.created"},
		{"oneroute", "newMessage", "message.received"},
		{"cloudevents", "newMessage", "newMessage"},
	} {
		got, err := catalogue.New().Pattern("acme", tt.dialect, tt.text)
		if string(got) != tt.want && tt.want != "" || (err != nil) != (tt.want == "") || err != nil && !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%s %q: got %q, %v; want %q", tt.dialect, tt.text, got, err, tt.want)
		}
	}
}
