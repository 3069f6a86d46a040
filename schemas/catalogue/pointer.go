package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// everyElement is the segment of a pointer that stands for each element of an
// array.
const everyElement = "*"

// unescape reads a segment of a JSON pointer (RFC 6901, section 4).
var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// escape writes one.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// checkPointer says what is wrong with a JSON pointer. Whether it may stand for
// several values, the caller knows.
func checkPointer(pointer string, several bool) error {
	if !strings.HasPrefix(pointer, "/") {
		return errors.New("write a JSON pointer, which starts with \"/\"")
	}
	for segment := range strings.SplitSeq(pointer[1:], "/") {
		if !several && segment == everyElement {
			return errors.New("point at one value: \"*\" stands for several")
		}
		for i := range len(segment) {
			if segment[i] == '~' && (i+1 == len(segment) || segment[i+1] != '0' && segment[i+1] != '1') {
				return errors.New("write \"~0\" for \"~\" and \"~1\" for \"/\" in a JSON pointer")
			}
		}
	}
	return nil
}

// lookup is what a pointer that [checkPointer] passed leads to; nothing if the
// data has no such value.
func lookup(data json.RawMessage, pointer string) []json.RawMessage {
	found := []json.RawMessage{data}
	for segment := range strings.SplitSeq(pointer[1:], "/") {
		var next []json.RawMessage
		for _, value := range found {
			next = append(next, step(value, segment)...)
		}
		found = next
	}
	return found
}

func step(value json.RawMessage, segment string) []json.RawMessage {
	var elements []json.RawMessage
	if bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("[")) && json.Unmarshal(value, &elements) == nil {
		if segment == everyElement {
			return elements
		}
		if i, err := strconv.Atoi(segment); err == nil && i >= 0 && i < len(elements) && strconv.Itoa(i) == segment {
			return elements[i : i+1]
		}
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(value, &members) != nil {
		return nil
	}
	if member, ok := members[unescape.Replace(segment)]; ok {
		return []json.RawMessage{member}
	}
	return nil
}
