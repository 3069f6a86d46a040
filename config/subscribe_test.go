package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// TestSubscribeTakesTheDialectsNames reads one endpoint's subscribe.
func TestSubscribeTakesTheDialectsNames(t *testing.T) {
	for _, tt := range []struct {
		dialect, subscribe string
		want               []schemas.TypePattern // nil is refused
	}{
		{"roam", `["chat:message:dm", "lobby.booked", "user:status:update"]`, []schemas.TypePattern{"chat.message.dm", "lobby.booked", "user.status.updated"}},
		{"roam", `["*"]`, []schemas.TypePattern{"*"}},
		{"roam", `["ROQ_USER_INSERT"]`, nil},
		{"roam", `["user.created"]`, nil},
		{"relaybox", `["auth:signin", "room:publish"]`, []schemas.TypePattern{"user.signed_in", "room.message.published"}},
		{"roq", `["ROQ_FILE_REMOVE"]`, []schemas.TypePattern{"file.removed"}},
		{"roq", `["ROQ_FILE_REMOVED"]`, nil},
		{"oneroute", `["newMessage"]`, []schemas.TypePattern{"message.received"}},
		{"standard", `["order.paid"]`, []schemas.TypePattern{"order.paid"}},
	} {
		text := ("tenants:\n  - id: acme\n    endpoints:\n      - {id: ep_a, url: \"https://example.com\", dialect: " + tt.dialect +
			", secrets: [{value: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}], subscribe: " + tt.subscribe + "}\n")
		d, err := read(t, text)
		if tt.want == nil {
			if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "endpoints[0].subscribe[0]: the dialect") {
				t.Errorf("%s %s: got %v", tt.dialect, tt.subscribe, err)
			}
			continue
		}
		if err != nil || !slices.Equal(d.Subscriptions[0].Types, tt.want) {
			t.Errorf("%s %s: got %v, %v; want %v", tt.dialect, tt.subscribe, d.Subscriptions, err, tt.want)
		}
	}
}

func TestPolicyErrorsNameTheField(t *testing.T) {
	for policy, want := range map[string]string{
		"timeout: soon":     `endpoints[0].policy.timeout: duration "soon"`,
		"retry: [1s, soon]": `endpoints[0].policy.retry[1]: duration "soon"`,
		"rate: 100/day":     `endpoints[0].policy.rate: rate "100/day"`,
	} {
		_, err := read(t, "tenants:\n  - id: acme\n    endpoints:\n      - {id: ep_a, url: \"https://example.com\", secrets: [{value: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}], policy: {"+policy+"}}\n")
		if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", policy, err, want)
		}
	}
}
