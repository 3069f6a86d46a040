package catalogue

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// bring makes the catalogue take in a definition.
func bring(c *Catalogue, tenant schemas.TenantID, eventType, definition string) {
	c.Apply(schemas.Change{EventType: &schemas.EventType{Tenant: tenant, Type: eventType, Definition: []byte(definition)}})
}

// TestTenantsOwnTypes brings a folder of files at run time.
func TestTenantsOwnTypes(t *testing.T) {
	dir := t.TempDir()
	// The tenant's lobbies are booked by a number.
	lobby := strings.NewReplacer("parcel.sent", "lobby.booked", "parcel:sent", "lobby:booked", `"type": "string", "minLength": 1`, `"type": "integer"`,
		`"p1"`, "7", `{"id": 1}`, `{"id": "1"}`, "must be a string", "must be an integer").Replace(small)
	for name, file := range map[string]string{"parcel.sent.json": small, "lobby.booked.json": lobby} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	types, err := ReadDir(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	c := New()
	for _, x := range types {
		bring(c, "acme", x.Type, string(x.Definition()))
	}
	own := c.Find("acme", "lobby.booked")
	if err := own.Validate([]byte(`{"id": 7}`)); err != nil {
		t.Error(err)
	}
	if other := c.Find("zeta", "lobby.booked"); other == own || other.Validate([]byte(`{"id": 7}`)) == nil {
		t.Error("a tenant's type is another's too")
	}
	if c.Find("acme", "parcel.sent") == nil || c.Find("zeta", "parcel.sent") != nil || c.Find("", "parcel.sent") != nil {
		t.Error("parcel.sent is acme's and nobody else's")
	}
	if err := c.Find("acme", "parcel.sent").Validate([]byte(`{"id": "p", "to": [{"name": "Kim"}]}`)); err == nil || err.Error() != "data/to/0/user: is missing" {
		t.Errorf("a shared schema in a tenant's file: %v", err)
	}
	c.Apply(schemas.Change{Removed: true, EventType: &schemas.EventType{Tenant: "acme", Type: "lobby.booked"}})
	if c.Find("acme", "lobby.booked") != builtinByType()["lobby.booked"] {
		t.Error("what is removed should uncover the built-in type")
	}
}

func TestFindPrefersTheNarrowest(t *testing.T) {
	c := New()
	bring(c, "", "parcel.sent", small)
	all := c.Find("acme", "parcel.sent")
	if all == nil || c.Find("", "parcel.sent") != all {
		t.Fatal("a type without a tenant is for all")
	}
	bring(c, "acme", "parcel.sent", small)
	if own := c.Find("acme", "parcel.sent"); own == all || c.Find("zeta", "parcel.sent") != all {
		t.Error("a tenant's own type wins for it alone")
	}
	if c.Find("acme", "no.such") != nil {
		t.Error("found what is not there")
	}
}

func TestApplyKeepsOutWhatDoesNotParse(t *testing.T) {
	var refused []string
	c := New()
	c.Refused = func(err error) { refused = append(refused, err.Error()) }
	bring(c, "acme", "parcel.sent", small)
	before := c.Find("acme", "parcel.sent")
	bring(c, "acme", "parcel.sent", strings.Replace(small, "parcels", "", 1))
	if c.Find("acme", "parcel.sent") != before {
		t.Error("a broken definition took the place of a good one")
	}
	if len(refused) != 1 || refused[0] != `event type of tenant "acme": parcel.sent.json: domain: must match the pattern ^[a-zA-Z0-9_]+$` {
		t.Errorf("refused %q", refused)
	}
	c.Refused = nil
	bring(c, "acme", "parcel.lost", small)
	c.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme"}})
	c.Apply(schemas.Change{Removed: true, EventType: &schemas.EventType{Tenant: "nobody", Type: "parcel.lost"}})
	if c.Find("acme", "parcel.lost") != nil {
		t.Error("a type under another's name")
	}
}

func TestNamed(t *testing.T) {
	c := New()
	bring(c, "acme", "parcel.sent", small)
	bring(c, "acme", "b.sent", strings.Replace(small, "parcel.sent", "b.sent", 1))
	bring(c, "acme", "lobby.booked", strings.Replace(small, "parcel.sent", "lobby.booked", 1)) // gives up Roam's name
	for _, row := range []struct {
		tenant  schemas.TenantID
		dialect schemas.Dialect
		name    string
		want    string
	}{
		{"zeta", schemas.DialectRoam, "lobby:booked", "lobby.booked"},
		{"zeta", schemas.DialectRoam, "lobby.booked", "lobby.booked"},
		{"", schemas.DialectRoam, "user.status.update", "user.status.updated"},
		{"", schemas.DialectRoam, "user:status:update", "user.status.updated"},
		{"", schemas.DialectRoam, "onair.guest.rsvp", "onair.guest.rsvp"},
		{"", schemas.DialectRoam, "onair:guest:rsvp", "onair.guest.rsvp"},
		{"", schemas.DialectRoam, "chat.message.mention", "chat.message.mention"},
		{"", schemas.DialectRelayBox, "user:status:update", "user.status.updated"},
		{"", schemas.DialectRelayBox, "user.status.update", ""},
		{"", schemas.DialectROQ, "ROQ_USER_INSERT", "user.created"},
		{"", schemas.DialectROQ, "roq_user_insert", ""},
		{"", schemas.DialectOneRoute, "newMessage", "message.received"},
		{"", schemas.DialectStandard, "user.created", "user.created"},
		{"", schemas.DialectCloudEvents, "newMessage", ""},
		{"acme", schemas.DialectRoam, "parcel.sent", "b.sent"},
		{"acme", schemas.DialectRoam, "lobby:booked", ""},
		{"zeta", schemas.DialectRoam, "parcel.sent", ""},
		{"acme", "", "parcel.sent", "parcel.sent"},
	} {
		got := ""
		if x := c.Named(row.tenant, row.dialect, row.name); x != nil {
			got = x.Type
		}
		if got != row.want {
			t.Errorf("%s calls %q in %q: got %q, want %q", row.tenant, row.name, row.dialect, got, row.want)
		}
	}
}

func TestWords(t *testing.T) {
	c := New()
	if w, ok := c.Words("acme", schemas.DialectRelayBox, "user.status.updated"); !ok || w.Name != "user:status:update" || fmt.Sprint(w.Members) != "[status]" {
		t.Errorf("got %v, %t", w, ok)
	}
	for _, d := range []schemas.Dialect{"", schemas.DialectStandard, schemas.DialectCloudEvents} {
		if w, ok := c.Words("acme", d, "no.such"); !ok || w.Name != "no.such" || w.Members != nil {
			t.Errorf("%q: got %v, %t", d, w, ok)
		}
	}
	if _, ok := c.Words("acme", schemas.DialectROQ, "lobby.booked"); ok {
		t.Error("ROQ has no lobbies")
	}
	if _, ok := c.Words("acme", schemas.DialectROQ, "no.such"); ok {
		t.Error("a type that nobody knows has no words")
	}
}

func TestIn(t *testing.T) {
	var unknown *Type
	if !unknown.In("") || !unknown.In(schemas.DialectCloudEvents) || unknown.In(schemas.DialectROQ) {
		t.Error("open dialects carry unknown types, and no others do")
	}
	if x := builtinByType()["user.created"]; !x.In(schemas.DialectROQ) || x.In(schemas.DialectRoam) || !x.In(schemas.DialectStandard) {
		t.Error("user.created is ROQ's and not Roam's")
	}
}

func TestChannelOf(t *testing.T) {
	x := builtinByType()["message.received"]
	if got := x.ChannelOf(x.Valid[0]); got != "6b7c8d9e-0f1a-4b2c-8d3e-4f5a6b7c8d9e" {
		t.Errorf("got %q", got)
	}
	for _, data := range []string{"", "{", "null", `{"conversation": []}`, `{"conversation": {"Channel": {"id": 7}}}`} {
		if got := x.ChannelOf([]byte(data)); got != "" {
			t.Errorf("%s: got %q", data, got)
		}
	}
	var unknown *Type
	if unknown.ChannelOf([]byte(`{}`)) != "" || builtinByType()["user.created"].ChannelOf([]byte(`{}`)) != "" {
		t.Error("a channel where there is none")
	}
}

func TestLookup(t *testing.T) {
	const data = `{"a": [{"b": 1}, {"b": "x"}, {}], "c/d": {"~": true}, "*": 5, "": 0}`
	for pointer, want := range map[string]string{
		"/a/*/b": `1 "x"`, "/a/1/b": `"x"`, "/a/01/b": "", "/a/3": "", "/a/-1": "", "/a/b": "", "/c~1d/~0": "true", "/*": "5", "/": "0", "/x/y": "", "/a/*/*": "",
	} {
		var found []string
		for _, value := range lookup([]byte(data), pointer) {
			found = append(found, string(value))
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s: got %s, want %s", pointer, got, want)
		}
	}
}

// TestConcurrency is for the race detector.
func TestConcurrency(t *testing.T) {
	c := New()
	var wg sync.WaitGroup
	for i := range 4 {
		tenant := schemas.TenantID(fmt.Sprintf("t%d", i%2))
		wg.Go(func() {
			for range 20 {
				bring(c, tenant, "parcel.sent", small)
				c.Apply(schemas.Change{Removed: true, EventType: &schemas.EventType{Tenant: tenant, Type: "parcel.sent"}})
			}
		})
		wg.Go(func() {
			for range 200 {
				if x := c.Find(tenant, "parcel.sent"); x != nil && x.Validate([]byte(`{"id": "p"}`)) != nil {
					t.Error("a good parcel")
				}
				if x := c.Find(tenant, "user.created"); x.Validate([]byte(`{}`)) == nil {
					t.Error("a bad user")
				}
				_ = c.Named(tenant, schemas.DialectRoam, "parcel.sent")
			}
		})
	}
	wg.Wait()
}
