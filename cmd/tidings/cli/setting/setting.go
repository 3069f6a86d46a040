package setting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/cmd/tidings/caret"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// Decode reads one JSON value and nothing behind it; numbers stay as they are
// written.
func Decode(content []byte, v any) error {
	if !json.Valid(content) {
		return fmt.Errorf("is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	return d.Decode(v)
}

// setHelp is what to do about a --set that is not understood.
const setHelp = "Write it like path.of.member=value: members and numbers of elements with dots, then JSON, else text."

// Wrong is an error about the segment of the path of a --set.
func Wrong(set string, path []string, segment int, format string, args ...any) error {
	return wrongSet(set, columnOf(path, segment), format, args...)
}

// wrongSet shows where in a --set something is wrong, in letters from 0.
func wrongSet(set string, column int, format string, args ...any) error {
	return usage.Errorf("%s", caret.Point("--set: "+fmt.Errorf(format, args...).Error(), set, 1, column, setHelp))
}

// columnOf is where a segment of a path begins, in letters.
func columnOf(path []string, segment int) int {
	return utf8.RuneCountInString(strings.Join(path[:segment], ".")) + min(segment, 1)
}

// parseSet takes "path=value" apart.
func parseSet(text string) (path []string, value any, err error) {
	name, written, ok := strings.Cut(text, "=")
	path = strings.Split(name, ".")
	if !ok {
		return nil, nil, wrongSet(text, utf8.RuneCountInString(text), "there is no value")
	}
	for i, segment := range path {
		at, bracket := columnOf(path, i), strings.IndexAny(segment, "[]")
		switch {
		case segment == "":
			return nil, nil, wrongSet(text, at, "the name of a member is missing")
		case bracket >= 0:
			return nil, nil, wrongSet(text, at+utf8.RuneCountInString(segment[:bracket]), "brackets have no meaning in a path: an element goes by its number, like retry.0")
		}
	}
	if Decode([]byte(written), &value) == nil {
		return path, value, nil
	}
	if strings.HasPrefix(written, "{") || strings.HasPrefix(written, "[") || strings.HasPrefix(written, `"`) {
		column, why := caret.JSON(written)
		return nil, nil, wrongSet(text, utf8.RuneCountInString(name)+1+column, "the value begins like JSON and is none: %s", why)
	}
	return path, written, nil
}

// segmentError is of one segment of a path.
type segmentError struct {
	error
	segment int
}

func atSegment(segment int, format string, args ...any) error {
	return segmentError{fmt.Errorf(format, args...), segment}
}

// In sets a member of an object or list as --set says, and reports where that is, and
// whether it is a member which was not there. Objects on the way are made; a list is as
// long as it is, and its elements are counted from 0.
func In(in any, set string) (path []string, added bool, err error) {
	path, value, err := parseSet(set)
	if err != nil {
		return nil, false, err
	}
	added, err = setMember(in, path, value)
	if e, ok := errors.AsType[segmentError](err); ok {
		err = Wrong(set, path, e.segment, "%w", e.error)
	}
	return path, added, err
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
				return false, atSegment(i, "%s is a list of %d: its elements are 0 to %d", strings.Join(path[:i], "."), len(at), len(at)-1)
			}
			if last {
				at[n] = value
				return added, nil
			}
			in = at[n]
		default:
			return false, atSegment(i, "%s is no object, so it has no member %q", strings.Join(path[:i], "."), name)
		}
	}
	return added, nil
}
