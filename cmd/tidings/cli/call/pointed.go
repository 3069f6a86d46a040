package call

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/caret"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// pointedError is a refusal that shows the place in what was refused.
type pointedError struct {
	text  string
	cause error
}

// Error is what, where and what to do, in lines.
func (e *pointedError) Error() string { return e.text }

// Unwrap leads to the refusal.
func (e *pointedError) Unwrap() error { return e.cause }

// expression is how the API refuses one: where it is, line and column from 1, and why.
var expression = regexp.MustCompile(`(?s)^(filters[\[\]0-9a-z.]*)\.(cel|sql): (\d+):(\d+): (.*)$`)

// advice is what to do about an expression of a language.
var advice = map[string]string{
	"cel": "It is CEL: attributes go by their names, like type and subject, and data by its members, like data.amount > 100.",
	"sql": "It is CloudEvents SQL, over attributes only, like subject LIKE 'a%' AND type = 'order.paid'.",
}

// Pointed shows of a refusal of an expression in a body where in the expression it is.
// Other errors stay as they are.
func Pointed(err error, body any) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	m := expression.FindStringSubmatch(e.Detail)
	if m == nil {
		return err
	}
	text, ok := member(AsJSON(body), m[1]+"."+m[2])
	if !ok {
		return err
	}
	line, _ := strconv.Atoi(m[3]) // digits
	column, _ := strconv.Atoi(m[4])
	what := show.Clean(m[1] + "." + m[2] + ": " + m[5])
	return &pointedError{caret.Point(what, text, line, column-1, advice[m[2]]), err}
}

// member is the text that a path like "filters[0].any[1].cel" leads to.
func member(body json.RawMessage, path string) (text string, ok bool) {
	for name := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		var members map[string]json.RawMessage
		var elements []json.RawMessage
		n, err := strconv.Atoi(name)
		switch {
		case err != nil && json.Unmarshal(body, &members) == nil:
			body = members[name]
		case err == nil && json.Unmarshal(body, &elements) == nil && n < len(elements):
			body = elements[n]
		default:
			return "", false
		}
	}
	return text, json.Unmarshal(body, &text) == nil
}

// BindFilter makes the flag of conditions.
func BindFilter(f *pflag.FlagSet) *[]string {
	return f.StringArray("filter", nil, "condition on the event: a CEL expression, or a filter in JSON; several must all be met")
}

// Filters are conditions as a subscription has them: CEL expressions, or filters in
// JSON.
func Filters(written []string) ([]json.RawMessage, error) {
	filters := []json.RawMessage{}
	for _, w := range written {
		if !strings.HasPrefix(strings.TrimSpace(w), "{") {
			filters = append(filters, AsJSON(map[string]string{"cel": w}))
			continue
		}
		if !json.Valid([]byte(w)) {
			return nil, notJSON("--filter: it begins like a filter in JSON, and is not valid", w, 0)
		}
		filters = append(filters, json.RawMessage(w))
	}
	return filters, nil
}

// notJSON shows where a text, which begins some letters behind, stops to be JSON.
func notJSON(what, text string, behind int) error {
	column, why := caret.JSON(text[behind:])
	return usage.Errorf("%s", caret.Point(what+": "+why, text, 1, len([]rune(text[:behind]))+column, `Write it like {"exact": {"subject": "a"}}, with double quotes, and all of it between single quotes for the shell.`))
}
