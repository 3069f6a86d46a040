package call

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/near"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// hintWithin is how long somebody waits for a hint.
const hintWithin = 2 * time.Second

// HintTypes tells people of types and patterns of types that look mistyped, once what
// they asked for is done. Types that the tenant does not know are legal, so nothing
// more comes of it, and nothing if the server does not say what it knows.
func (s *Session) HintTypes(ctx context.Context, types []string) {
	if near.Known(types, BuiltinTypes()) {
		return
	}
	for _, hint := range near.Types(types, s.knownTypes(ctx)) {
		s.Tell("%s", show.Clean(hint))
	}
}

// knownTypes are those of the tenant, or those of the catalogue if it cannot be asked:
// a token that may publish need not see them.
func (s *Session) knownTypes(ctx context.Context) []string {
	ctx, stop := context.WithTimeout(ctx, hintWithin)
	defer stop()
	known := BuiltinTypes()
	path, err := s.Of(ctx, "types")
	if err != nil {
		return known
	}
	page, err := s.API.List(ctx, path, url.Values{}, 0)
	if err != nil {
		return known
	}
	for _, item := range page.Items {
		known = append(known, show.Text(item, "type"))
	}
	return known
}

// BuiltinTypes are the types of the catalogue.
func BuiltinTypes() (types []string) {
	for _, t := range catalogue.Builtin() {
		types = append(types, t.Type)
	}
	return types
}

// MeantType adds to an error about a type that does not exist which one was meant.
func (s *Session) MeantType(ctx context.Context, written string, err error) error {
	e, ok := AsError(err)
	if !ok || !e.NotFound() {
		return err
	}
	if meant, ok := near.Word(written, s.knownTypes(ctx)); ok {
		return fmt.Errorf("%w: did you mean %s?", err, show.Clean(meant))
	}
	return err
}

// Texts are the texts in a value that was made of JSON or flags.
func Texts(v any) (list []string) {
	switch v := v.(type) {
	case []string:
		return slices.Clone(v)
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok {
				list = append(list, s)
			}
		}
	}
	return list
}
