package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Members is a row of name and value for each member, in the order of the document;
// members of members have dots in their names.
func Members(object json.RawMessage) (rows [][]string) { return flatten("", object) }

func flatten(prefix string, object json.RawMessage) (rows [][]string) {
	d := json.NewDecoder(bytes.NewReader(object))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return rows
		}
		member := prefix + fmt.Sprint(name)
		if len(value) > 2 && value[0] == '{' {
			rows = append(rows, flatten(member+".", value)...)
			continue
		}
		rows = append(rows, []string{Clean(member), shown(value)})
	}
	return rows
}

// Text is what a table shows of a member; empty if there is none.
func Text(object json.RawMessage, member string) string {
	for name := range strings.SplitSeq(member, ".") {
		var members map[string]json.RawMessage
		if json.Unmarshal(object, &members) != nil {
			return ""
		}
		object = members[name]
	}
	return shown(object)
}

// shown is a value as people read it: a time in seconds, a list of texts with commas.
func shown(value json.RawMessage) string {
	var s string
	var list []string
	switch {
	case len(value) == 0 || string(value) == "null":
		return ""
	case json.Unmarshal(value, &s) == nil:
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			return Moment(at)
		}
		return Clean(s)
	case json.Unmarshal(value, &list) == nil && len(list) > 0:
		return Clean(strings.Join(list, ", "))
	}
	var b strings.Builder
	if Line(&b, value) != nil {
		return ""
	}
	return Clean(strings.TrimSuffix(b.String(), "\n"))
}

// Moment is a time as tables show it, and flags take it.
func Moment(at time.Time) string { return at.UTC().Truncate(time.Second).Format(time.RFC3339) }

// Clean takes out of a text what a terminal would obey: control characters, and what
// turns the direction of writing.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// Count is a number of things.
func Count(n int, thing, things string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + things
}
