package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// body is what is sent to make or change something: the object of a file, then
// flags, then --set, of which the last wins.
type body struct {
	from string
	sets []string
}

func (b *body) bind(f *pflag.FlagSet) {
	f.StringVar(&b.from, "from", "", "file of the JSON object that the API takes, or - for the standard input; flags add to it")
	f.StringArrayVar(&b.sets, "set", nil, "a member, like policy.rate=10/s: the value is JSON, else text")
}

// object is the whole of it; members are what flags said.
func (b *body) object(s *session, members map[string]any) (map[string]any, error) {
	all := map[string]any{}
	if b.from != "" {
		content, err := s.read(b.from)
		if err != nil {
			return nil, err
		}
		if err := decodeWhole(content, &all); err != nil || all == nil {
			return nil, usage.Errorf("--from %s: is no JSON object", b.from)
		}
	}
	maps.Copy(all, members)
	for _, set := range b.sets {
		path, value, err := parseSet(set)
		if err != nil {
			return nil, err
		}
		if _, err := setMember(all, path, value); err != nil {
			return nil, usage.Errorf("--set %s: %w", set, err)
		}
	}
	return all, nil
}

// decodeWhole reads one JSON value and nothing behind it; numbers stay as they are
// written.
func decodeWhole(content []byte, v any) error {
	if !json.Valid(content) {
		return fmt.Errorf("is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	return d.Decode(v)
}

// parseSet takes "path=value" apart.
func parseSet(text string) (path []string, value any, err error) {
	name, written, ok := strings.Cut(text, "=")
	path = strings.Split(name, ".")
	if !ok || slices.Contains(path, "") {
		return nil, nil, usage.Errorf("--set %s: write it like path.of.member=value", text)
	}
	if decodeWhole([]byte(written), &value) != nil {
		value = written
	}
	return path, value, nil
}

// setMember puts a value where a path leads to in an object or list, and reports
// whether that is a member which was not there. Objects on the way are made; a list
// is as long as it is, and its elements are counted from 0.
func setMember(in any, path []string, value any) (added bool, err error) {
	for i, name := range path {
		last := i == len(path)-1
		switch at := in.(type) {
		case map[string]any:
			next, ok := at[name]
			added = added || !ok
			if last {
				at[name] = value
				return added, nil
			}
			if next == nil {
				next = map[string]any{}
				at[name] = next
			}
			in = next
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(at) {
				return false, fmt.Errorf("%s is a list of %d: its elements are 0 to %d", strings.Join(path[:i], "."), len(at), len(at)-1)
			}
			if last {
				at[n] = value
				return added, nil
			}
			in = at[n]
		default:
			return false, fmt.Errorf("%s is no object, so it has no member %q", strings.Join(path[:i], "."), name)
		}
	}
	return added, nil
}
