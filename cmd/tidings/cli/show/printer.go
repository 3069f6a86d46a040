package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
)

// Printer is how results are shown.
type Printer struct {
	// Format is "table", "json" or "id".
	Format string
	// Color has words that say how something stands colours of a terminal.
	Color bool
	// Out gets results, Notes what people are told beside them.
	Out, Notes io.Writer
}

// Column is one of a table: its title, and the member that it shows, with dots for
// members of members.
type Column [2]string

// Page shows a list.
func (p Printer) Page(page client.Page, columns []Column) error {
	switch {
	case p.Format == "json":
		return JSON(p.Out, page)
	case p.Format == "id":
		return IDs(p.Out, page.Items...)
	case len(page.Items) == 0:
		_, err := fmt.Fprintln(p.Notes, "There are none.")
		return err
	}
	rows := [][]string{make([]string, len(columns))}
	for i, c := range columns {
		rows[0][i] = c[0]
	}
	for _, item := range page.Items {
		rows = append(rows, Row(item, columns))
	}
	return p.Table(rows)
}

// Row is what a table shows of an object.
func Row(item json.RawMessage, columns []Column) []string {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = Text(item, c[1])
	}
	return row
}

// Object shows an object, one member a line; nothing if there is none.
func (p Printer) Object(answer json.RawMessage) error {
	switch {
	case answer == nil:
		return nil
	case p.Format == "json":
		return JSON(p.Out, answer)
	case p.Format == "id":
		return IDs(p.Out, answer)
	}
	return p.Table(Members(answer))
}

// identifying are the members by which objects are named, of which each has one: an
// event its place, a type its own name.
var identifying = []string{"place", "id", "delivery", "type", "endpoint", "tenant", "name"}

// IDs writes what names each object, one a line.
func IDs(w io.Writer, objects ...json.RawMessage) error {
	for _, o := range objects {
		for _, member := range identifying {
			if id := Text(o, member); id != "" {
				if _, err := fmt.Fprintln(w, id); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// Table aligns the columns. What is last of a row has no spaces behind it.
func (p Printer) Table(rows [][]string) error {
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
			b.WriteString(p.colored(cell))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		trimmed := strings.TrimRight(b.String(), " ")
		if _, err := io.WriteString(p.Out, trimmed+"\n"); err != nil {
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

func (p Printer) colored(cell string) string {
	if code := colors[cell]; code != 0 && p.Color {
		return "\x1b[" + strconv.Itoa(code) + "m" + cell + "\x1b[0m"
	}
	return cell
}
