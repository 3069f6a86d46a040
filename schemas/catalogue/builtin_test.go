package catalogue

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidings-dev/tidings/schemas"
)

// seedNames are the events that the documents of the four systems name, letter
// by letter.
var seedNames = map[schemas.Dialect]string{
	schemas.DialectROQ: `ROQ_USER_INSERT ROQ_USER_UPDATE ROQ_USER_REMOVE
		ROQ_USER_INVITE_INSERT ROQ_USER_INVITE_UPDATE ROQ_USER_INVITE_REMOVE
		ROQ_CONVERSATION_INSERT ROQ_CONVERSATION_UPDATE ROQ_CONVERSATION_REMOVE
		ROQ_MESSAGE_INSERT ROQ_MESSAGE_UPDATE ROQ_MESSAGE_REMOVE
		ROQ_FILE_INSERT ROQ_FILE_UPDATE ROQ_FILE_REMOVE`,
	schemas.DialectOneRoute: `newMessage`,
	schemas.DialectRoam: `chat:message:dm chat:message:channel chat:message:mention chat:message:reaction
		recording:saved transcript:saved lobby:booked user:status:update
		onair.event.created onair.event.updated onair.event.canceled onair.guest.rsvp onair.guest.added`,
	schemas.DialectRelayBox: `auth:signup auth:verify auth:signin auth:session:initialize
		presence:join presence:leave presence:update
		room:create room:join room:publish room:leave room:destroy user:status:update`,
}

// seedFilters are those that Roam documents, by its names.
var seedFilters = map[string]map[string]string{
	"lobby.booked":          {"lobbyId": "/lobby/id"},
	"chat.message.reaction": {"codes": "/name"},
	"onair.event.created":   {"eventId": "/event/id"},
	"onair.event.updated":   {"eventId": "/event/id"},
	"onair.event.canceled":  {"eventId": "/event/id"},
	"onair.guest.added":     {"eventId": "/event/id"},
	"onair.guest.rsvp":      {"eventId": "/event/id", "status": "/guest/status"},
}

// ownTypes are the events of the pipe itself. Only open dialects carry them, and
// no user is involved in them.
var ownTypes = []string{"delivery.dead", "endpoint.disabled", "endpoint.failing", "endpoint.recovered", "quota.reached"}

func TestBuiltinCoversTheSeeds(t *testing.T) {
	var own []string
	for _, x := range Builtin() {
		if len(x.Dialects) == 0 {
			own = append(own, x.Type)
		}
	}
	if n := len(Builtin()) - len(own); n != 41 {
		t.Errorf("the seeds have %d types, want 41", n)
	}
	if !slices.Equal(own, ownTypes) {
		t.Errorf("no seed has %q, want %q", own, ownTypes)
	}
	named := make(map[schemas.Dialect][]string)
	for _, x := range Builtin() {
		for d, words := range x.Dialects {
			named[d] = append(named[d], words.Name)
		}
	}
	for d, names := range seedNames {
		want := strings.Fields(names)
		slices.Sort(want)
		slices.Sort(named[d])
		if !slices.Equal(named[d], want) {
			t.Errorf("%s has\n%q, want\n%q", d, named[d], want)
		}
		delete(named, d)
	}
	if len(named) > 0 {
		t.Errorf("unexpected dialects: %v", named)
	}
}

func TestBuiltinFilters(t *testing.T) {
	documented := []string{"lobbyId", "codes", "eventId", "status"}
	for _, x := range Builtin() {
		if want, ok := seedFilters[x.Type]; ok {
			if !maps.Equal(x.Filters, want) {
				t.Errorf("%s: filters %v, want %v", x.Type, x.Filters, want)
			}
		} else if x.In(schemas.DialectRoam) {
			for _, name := range documented {
				if x.Filters[name] != "" {
					t.Errorf("%s: Roam does not filter it by %s", x.Type, name)
				}
			}
		}
	}
}

// TestBuiltinPointers wants each pointer to lead to something in some example.
func TestBuiltinPointers(t *testing.T) {
	for _, x := range Builtin() {
		pointers := slices.Concat(x.Involves, slices.Collect(maps.Values(x.Filters)))
		if x.Channel != "" {
			pointers = append(pointers, x.Channel)
		}
		for _, p := range pointers {
			leads := false
			for _, data := range x.Valid {
				leads = leads || len(lookup(data, p)) > 0
			}
			if !leads {
				t.Errorf("%s: %s leads nowhere in any valid example", x.Type, p)
			}
		}
		if involves := !slices.Contains(ownTypes, x.Type); (len(x.Involves) > 0) != involves || len(x.Filters) == 0 {
			t.Errorf("%s: involves %q, and has the filters %v", x.Type, x.Involves, x.Filters)
		}
	}
}

// TestBuiltinSchemas holds the files to what the library does not ask for.
func TestBuiltinSchemas(t *testing.T) {
	described := make(map[*jsonschema.Schema]bool)
	for _, x := range Builtin() {
		if !strings.HasSuffix(x.Meaning, ".") || strings.Count(x.Meaning, ".") != 1 {
			t.Errorf("%s: meaning %q is not one sentence", x.Type, x.Meaning)
		}
		top := x.rules
		if top.Ref != nil {
			top = top.Ref
		}
		if top.AdditionalProperties != false {
			t.Errorf("%s: data may have members that nobody knows", x.Type)
		}
		checkDescribed(t, x.Type, x.rules, described)
	}
}

func checkDescribed(t *testing.T, where string, s *jsonschema.Schema, seen map[*jsonschema.Schema]bool) {
	t.Helper()
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	for name, p := range s.Properties {
		if !strings.HasSuffix(p.Description, ".") {
			t.Errorf("%s/%s: description %q is no sentence", where, name, p.Description)
		}
		checkDescribed(t, where+"/"+name, p, seen)
	}
	for _, required := range s.Required {
		if s.Properties[required] == nil {
			t.Errorf("%s: requires %s and does not describe it", where, required)
		}
	}
	checkDescribed(t, where, s.Ref, seen)
	checkDescribed(t, where+"/*", s.Items2020, seen)
	for _, alternative := range s.AnyOf {
		checkDescribed(t, where, alternative, seen)
	}
}

// TestBuiltinFormats finds formats that the validator would ignore.
func TestBuiltinFormats(t *testing.T) {
	var walk func(where string, value any)
	walk = func(where string, value any) {
		switch v := value.(type) {
		case map[string]any:
			if f, ok := v["format"].(string); ok && f != "date-time" {
				t.Errorf("%s: format %q", where, f)
			}
			for name, member := range v {
				walk(where+"/"+name, member)
			}
		case []any:
			for _, element := range v {
				walk(where, element)
			}
		}
	}
	for _, x := range Builtin() {
		doc, err := decode(x.Schema)
		if err != nil {
			t.Fatal(err)
		}
		walk(x.Type, doc)
	}
	for url, doc := range shared() {
		walk(url, doc)
	}
}

// TestSharedSchemas wants each shared schema to be called by its URL, and used.
func TestSharedSchemas(t *testing.T) {
	used := func(name string) bool {
		refers := func(schema string) bool { return strings.Contains(schema, defs+name) }
		for other, doc := range shared() {
			if text, err := json.Marshal(doc); err != nil || !strings.HasSuffix(other, name) && refers(string(text)) {
				return true
			}
		}
		return slices.ContainsFunc(Builtin(), func(x *Type) bool { return refers(string(x.Schema)) })
	}
	for url, doc := range shared() {
		if id := doc.(map[string]any)["$id"]; id != url {
			t.Errorf("%s: its $id is %v", url, id)
		}
		if !used(path.Base(url)) {
			t.Errorf("%s: nobody refers to it", url)
		}
	}
}

func TestBuiltinIsSortedAndACopy(t *testing.T) {
	types := Builtin()
	if !slices.IsSortedFunc(types, func(a, b *Type) int { return strings.Compare(a.Type, b.Type) }) {
		t.Error("not sorted")
	}
	types[0] = nil
	if Builtin()[0] == nil {
		t.Error("a caller can change the list")
	}
}
