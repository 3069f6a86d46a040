package ecmascript

import (
	"fmt"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// maxDepth is how many arrays and objects may be open at once; the package
// comment says why.
const maxDepth = 1000

type kind uint8

const (
	kindWord   kind = iota // true, false or null
	kindNumber             // text is the literal
	kindString             // text is WTF-8: see decodeString
	kindArray
	kindObject
)

// node is one value of a document, or the name of a member. A document is a
// list of them in the order of the text: an array is followed by its elements,
// an object by a name and a value for each member.
type node struct {
	text string // of a word, number, string or name
	end  int    // the index after this value and all below it
	kind kind
}

// parser reads one document. It accepts what JSON.parse does (RFC 8259).
type parser struct {
	text  string
	pos   int // of the next byte to read
	depth int // arrays and objects that are open
	nodes []node
}

// parse lists the nodes of a document. The first is the document's value.
func parse(text string) ([]node, error) {
	p := parser{text: text, nodes: make([]node, 0, len(text)/6+1)}
	if err := p.value(); err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.text) {
		return nil, p.unexpected("the end")
	}
	return p.nodes, nil
}

// value reads a value and the white space before it.
func (p *parser) value() error {
	p.space()
	switch c := p.peek(); {
	case c == '{':
		return p.container(kindObject, '}')
	case c == '[':
		return p.container(kindArray, ']')
	case c == '"':
		return p.string()
	case c == '-' || isDigit(c):
		return p.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(p.text[p.pos:], word) {
			p.pos += len(word)
			p.add(kindWord, word)
			return nil
		}
	}
	return p.unexpected("a value")
}

// container reads an array or object, from its opening bracket to the byte that
// closes it.
func (p *parser) container(k kind, closing byte) error {
	if p.depth == maxDepth {
		return p.fail(p.pos, "nested deeper than %d arrays and objects", maxDepth)
	}
	p.depth++
	p.pos++
	start := len(p.nodes)
	p.add(k, "")
	if p.space(); p.peek() != closing {
		if err := p.items(k, closing); err != nil {
			return err
		}
	}
	p.pos++
	p.depth--
	p.nodes[start].end = len(p.nodes)
	return nil
}

// items reads the elements or members of a container that has some, up to the
// byte that closes it.
func (p *parser) items(k kind, closing byte) error {
	for {
		if k == kindObject {
			if err := p.name(); err != nil {
				return err
			}
		}
		if err := p.value(); err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case closing:
			return nil
		case ',':
			p.pos++
		default:
			return p.unexpected(`"," or "` + string(closing) + `"`)
		}
	}
}

// name reads a member's name and the colon after it.
func (p *parser) name() error {
	if p.space(); p.peek() != '"' {
		return p.unexpected("a name in quotes")
	}
	if err := p.string(); err != nil {
		return err
	}
	if p.space(); p.peek() != ':' {
		return p.unexpected(`":"`)
	}
	p.pos++
	return nil
}

// string reads a string or a name. Its escapes are checked here, where the
// offset of a wrong one is known.
func (p *parser) string() error {
	start := p.pos + 1
	plain := true
	for p.pos = start; ; p.pos++ {
		p.pos += plainPrefix(p.text[p.pos:])
		switch c := p.peek(); {
		case c == '"':
			text := p.text[start:p.pos]
			if !plain {
				text = decodeString(text)
			}
			p.pos++
			p.add(kindString, text)
			return nil
		case c < ' ':
			return p.unexpected("the rest of a string")
		case c == '\\':
			p.pos++
			if !p.escape() {
				return p.fail(p.pos-1, "%s is not an escape", quoteStart(p.text[p.pos-1:], 6))
			}
		}
		plain = false
	}
}

// escape reads what follows a backslash, all but its last byte, and reports
// whether it is a valid escape. If not, it reads nothing.
func (p *parser) escape() bool {
	if p.peek() != 'u' {
		return strings.IndexByte(`"\/bfnrt`, p.peek()) >= 0
	}
	if _, ok := codeUnit(p.text[p.pos:]); !ok {
		return false
	}
	p.pos += 4
	return true
}

// number reads a number: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (p *parser) number() error {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if !p.digits() {
		return p.unexpected("a digit")
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return p.unexpected("a digit")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return p.unexpected("a digit")
		}
	}
	p.add(kindNumber, p.text[start:p.pos])
	return nil
}

// digits reads digits and reports whether there was one.
func (p *parser) digits() bool {
	start := p.pos
	for isDigit(p.peek()) {
		p.pos++
	}
	return p.pos > start
}

// space reads white space.
func (p *parser) space() {
	for {
		switch p.peek() {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek is the next byte, or 0, which nothing in JSON may start with, after the
// last.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// add appends a node without others below it.
func (p *parser) add(k kind, text string) {
	p.nodes = append(p.nodes, node{kind: k, text: text, end: len(p.nodes) + 1})
}

// unexpected is the error for the next byte, where something else belongs.
func (p *parser) unexpected(want string) error {
	if p.pos == len(p.text) {
		return p.fail(p.pos, "the text ends where %s belongs", want)
	}
	return p.fail(p.pos, "%s stands where %s belongs", quoteStart(p.text[p.pos:], 1), want)
}

func (p *parser) fail(offset int, format string, args ...any) error {
	return schemas.Errorf(schemas.CodeInvalid, "read JSON at byte %d: %s", offset, fmt.Sprintf(format, args...))
}

// quoteStart is the first n bytes of s, or fewer, for a person to read.
func quoteStart(s string, n int) string {
	return fmt.Sprintf("%+q", s[:min(n, len(s))])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
