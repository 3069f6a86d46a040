package streams_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

const others = "as another version has it"

// marked has the stream of events be of a format, made by another version; config is
// what it is then.
func marked(t *testing.T, env *streamstest.Env, mark string) (config func() jetstream.StreamConfig) {
	t.Helper()
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	config = func() jetstream.StreamConfig {
		t.Helper()
		s, err := js.Stream(t.Context(), schemas.StreamEvents)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config
	}
	c := config()
	c.Description, c.Metadata["tidings-format"] = others, mark
	if mark == "" {
		delete(c.Metadata, "tidings-format")
	}
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return config
}

// TestFormatsOfOthers has streams of no format, of older, of the next and of later ones:
// the next version's are left as they are, and what is later is refused.
func TestFormatsOfOthers(t *testing.T) {
	own := fmt.Sprint(streams.Format)
	for mark, want := range map[string]string{
		"": own, "1": own, own: own,
		fmt.Sprint(streams.Format + 1): fmt.Sprint(streams.Format + 1),
		fmt.Sprint(streams.Format + 2): "too new", "unheard of": "too new",
	} {
		t.Run("format "+mark, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env := streamstest.Start(t, streamstest.Small())
				config := marked(t, env, mark)
				applied, err := streams.Apply(t.Context(), env.NC, streamstest.Small())
				_, found := streams.Find(t.Context(), env.NC, streamstest.Small())
				if want == "too new" {
					for _, err := range []error{err, found} {
						if !schemas.HasCode(err, schemas.CodeConflict) || !strings.Contains(err.Error(), want) {
							t.Errorf("it says %v", err)
						}
					}
					return
				}
				if err != nil || found != nil || applied.Registry == nil || applied.Members == nil || applied.Idempotency == nil {
					t.Fatalf("%+v, %v, %v", applied, err, found)
				}
				if got := config(); got.Metadata["tidings-format"] != want || (got.Description == others) == (want == own) {
					t.Errorf("format %q, %q", got.Metadata["tidings-format"], got.Description)
				}
			})
		})
	}
}
