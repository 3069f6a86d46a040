package cli_test

import (
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// TestTriggerPointsAtWhatIsNotThere changes members that the example does not have.
func TestTriggerPointsAtWhatIsNotThere(t *testing.T) {
	const definition = `{"type":"parcel.sent","domain":"parcels","meaning":"A parcel left the house.","origin":"tenant",
		"schema":{"type":"object","additionalProperties":false,"properties":{
			"grams":{"type":"integer","description":"its weight"},
			"to":{"type":"object","description":"where","additionalProperties":false,"properties":{"street":{"type":"string","description":"the street"}}},
			"stops":{"type":"array","description":"on the way","items":{"type":"object","additionalProperties":false,"properties":{"at":{"type":"string","description":"where"}}}}}},
		"valid":[{"grams":200,"to":{"street":"Elm"},"stops":[{"at":"Oak"}]}],"invalid":[{"data":{"grams":"200"},"error":"grams"}]}`
	for set, want := range map[string]struct{ what, mark string }{
		"gram=7":         {"it has grams, stops, to: did you mean grams?", "^"},
		"to.stret=Oak":   {"it has street: did you mean street?", "   ^"},
		"a.b.c=1":        {"it has grams, stops, to", "^"},
		"stops.0.on=Elm": {"it has at", "        ^"},
		"to.x.y.z=1":     {"it has street", "   ^"},
		"to.street.x=1":  {`to.street is no object, so it has no member "x"`, "          ^"},
	} {
		term := newTerminal(func(string, string) (int, string) { return 200, definition })
		_, _, err := term.run(t.Context(), "trigger", "parcel.sent", "--tenant", "acme", "--set", set)
		if usage.ExitCode(err) != usage.ExitUsage {
			t.Errorf("%s: %v", set, err)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if !strings.HasSuffix(lines[0], want.what) || lines[1] != "    "+set || lines[2] != "    "+want.mark {
			t.Errorf("%s says\n%s", set, err)
		}
	}
}
