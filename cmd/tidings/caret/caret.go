package caret

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is how many letters of a line are shown, at most.
const width = 76

// Point shows the place in a text, by line from 1 and column from 0, which counts
// letters. What and todo are sentences without an end; todo may be empty.
func Point(what, text string, line, column int, todo string) string {
	shown := []rune(lineOf(text, line))
	column = max(0, min(column, len(shown)))
	before, after := "", ""
	if from := column - width/2; from > 0 && len(shown) > width {
		shown, column, before = shown[from:], column-from, "…"
	}
	if len(shown) > width {
		shown, after = shown[:width], "…"
	}
	for i, r := range shown {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			shown[i] = ' '
		}
	}
	s := what + "\n    " + before + string(shown) + after + "\n    " + strings.Repeat(" ", len([]rune(before))+column) + "^"
	if todo != "" {
		s += "\n" + todo
	}
	return s
}

func lineOf(text string, line int) string {
	for l := range strings.Lines(text) {
		if line--; line == 0 {
			return strings.TrimRight(l, "\r\n")
		}
	}
	return ""
}

// JSON is where a text stops to be JSON, in letters from 0, and why. It is for a text
// of one line that is not JSON.
func JSON(text string) (column int, why string) {
	var v any
	err := json.Unmarshal([]byte(text), &v)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		at := max(0, min(int(e.Offset)-1, len(text)))
		if strings.HasPrefix(e.Error(), "unexpected end") {
			at = len(text)
		}
		return utf8.RuneCountInString(text[:at]), e.Error()
	}
	return 0, "is not JSON"
}
