package show

import (
	"bytes"
	"encoding/json"
	"io"
)

// JSON writes one document, in lines that are indented.
func JSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(letters(b.Bytes()))
	return err
}

// Line writes one document in one line.
func Line(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(letters(b.Bytes()))
	return err
}

// escaped are the letters that JSON for web pages escapes, as servers written in Go
// send it.
var escaped = map[string]byte{"003c": '<', "003e": '>', "0026": '&'}

// letters writes these letters as what they are. The document means the same.
func letters(document []byte) []byte {
	out := document[:0]
	for i := 0; i < len(document); i++ {
		if document[i] != '\\' || i+1 == len(document) {
			out = append(out, document[i])
			continue
		}
		if i+6 <= len(document) && document[i+1] == 'u' {
			if letter, ok := escaped[string(bytes.ToLower(document[i+2:i+6]))]; ok {
				out = append(out, letter)
				i += 5
				continue
			}
		}
		out = append(out, document[i], document[i+1]) // "\\" is no beginning of another
		i++
	}
	return out
}
