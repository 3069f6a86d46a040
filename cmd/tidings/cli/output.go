package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
)

// column is one of a table: its title, and the member that it shows, with dots for
// members of members.
type column struct{ title, member string }

// showPage shows a list.
func (a *App) showPage(c *cobra.Command, p client.Page, columns []column) error {
	if a.output == "json" {
		return writeJSON(c.OutOrStdout(), p)
	}
	if a.output == "id" {
		return writeIDs(c.OutOrStdout(), p.Items...)
	}
	rows := [][]string{make([]string, len(columns))}
	for i, col := range columns {
		rows[0][i] = col.title
	}
	for _, item := range p.Items {
		rows = append(rows, rowOf(item, columns))
	}
	if len(p.Items) == 0 {
		fmt.Fprintln(c.ErrOrStderr(), "There are none.")
		return nil
	}
	return a.showTable(c.OutOrStdout(), rows)
}

func rowOf(item json.RawMessage, columns []column) []string {
	row := make([]string, len(columns))
	for i, col := range columns {
		row[i] = text(item, col.member)
	}
	return row
}

// showObject shows an object, one member a line.
func (a *App) showObject(c *cobra.Command, answer json.RawMessage) error {
	if answer == nil {
		return nil
	}
	switch a.output {
	case "json":
		return writeJSON(c.OutOrStdout(), answer)
	case "id":
		return writeIDs(c.OutOrStdout(), answer)
	}
	return a.showTable(c.OutOrStdout(), flatten("", answer))
}

// identifying are the members by which objects are named, of which each has one: an
// event its place, a type its own name.
var identifying = []string{"place", "id", "delivery", "type", "name"}

// writeIDs writes what names each object, one a line.
func writeIDs(w io.Writer, objects ...json.RawMessage) error {
	for _, o := range objects {
		for _, member := range identifying {
			if id := text(o, member); id != "" {
				if _, err := fmt.Fprintln(w, id); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// writeJSON writes one document.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// flatten is a row of name and value for each member, in the order of the document;
// members of members have dots in their names.
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
		rows = append(rows, []string{clean(member), shown(value)})
	}
	return rows
}

// text is what a table shows of a member; empty if there is none.
func text(object json.RawMessage, member string) string {
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
			return moment(at)
		}
		return clean(s)
	case json.Unmarshal(value, &list) == nil && len(list) > 0:
		return clean(strings.Join(list, ", "))
	}
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return ""
	}
	return clean(b.String())
}

// moment is a time as tables show it, and flags take it.
func moment(at time.Time) string { return at.UTC().Truncate(time.Second).Format(time.RFC3339) }

// clean takes out of a text what a terminal would obey: control characters, and what
// turns the direction of writing.
func clean(s string) string {
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

// showTable aligns the columns. What is last of a row has no spaces behind it.
func (a *App) showTable(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			b.WriteString(a.colored(cell))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		trimmed := strings.TrimRight(b.String(), " ")
		if _, err := io.WriteString(w, trimmed+"\n"); err != nil {
			return err
		}
		b.Reset()
	}
	return nil
}

// colors are of the words that say how something stands (ECMA-48, SGR).
var colors = map[string]int{
	"delivered": 32, "active": 32, "done": 32, "yes": 32,
	"retrying": 33, "retry": 33, "paused": 33, "waiting": 33, "running": 33,
	"dead": 31, "disabled": 31, "failed": 31,
}

func (a *App) colored(cell string) string {
	if code := colors[cell]; code != 0 && a.env.Color {
		return "\x1b[" + strconv.Itoa(code) + "m" + cell + "\x1b[0m"
	}
	return cell
}
