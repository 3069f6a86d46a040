package config

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a static file, so that reading a strange one again does not take
// down the process that runs on the one before.
const (
	maxFile    = 16 << 20 // bytes
	maxNesting = 100      // of lists and mappings: the parser's time grows with its square
	maxAliases = 8        // from one to the next
	maxItems   = 100_000  // beside one for each byte: what aliases may repeat
	maxKept    = 1000     // problems that are put in order
)

// source is a static file while it is read. What is wrong with it gathers here,
// so that all of it is told at once.
type source struct {
	path     string
	lenient  bool // secrets may be missing
	problems []Problem
	dropped  int               // problems beyond those
	closed   bool              // nothing more is told
	known    map[Problem]bool  // the problems, each once
	secrets  map[string]string // fields of secrets, and where the secret is from
	anchors  map[string]ast.Node
	items    int // how many more places may be looked at
}

// parse is the place of all that the file has. Where the YAML is broken
// there is nothing, and problems say why.
func (s *source) parse(content []byte) (root place) {
	root = place{src: s}
	s.known, s.secrets, s.anchors = map[Problem]bool{}, map[string]string{}, map[string]ast.Node{}
	s.items = maxItems + len(content)
	if len(content) > maxFile {
		root.refuse("has %d bytes: use at most %d", len(content), maxFile)
		return root
	}
	defer func() { // a fault of the parser is no reason to end the process
		if r := recover(); r != nil {
			root = place{src: s}
			root.refuse("is not YAML that can be read")
		}
	}()
	tokens := lexer.Tokenize(string(content))
	if t := tooDeep(tokens); t != nil {
		root.at(t).refuse("is nested deeper than %d: no field is", maxNesting)
		return root
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // place finds them, and does not repeat them
	var broken yaml.Error
	switch {
	case errors.As(err, &broken):
		root.at(broken.GetToken()).refuse("is not YAML: %s", quoted.ReplaceAllString(broken.GetMessage(), "…"))
		return root
	case err != nil:
		root.refuse("is not YAML")
		return root
	}
	for _, d := range tree.Docs {
		if d.Body == nil {
			continue
		}
		if root.node != nil {
			root.at(d.Start).refuse("is a second document: put all in one, without \"---\"")
			break
		}
		root.node = d.Body
		ast.Walk((*anchored)(s), d.Body)
	}
	return root.at(tokenOf(root.node))
}

// quoted is what the parser repeats of the file, which may be a secret.
var quoted = regexp.MustCompile(`"[^"]*"?|'[^']{2,}'`)

// tooDeep is the first token of a list or mapping that lies too deep, or nil.
// Depth by indentation is not counted: the file would have to grow with its
// square.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, entries := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		default:
			entries = 0
		}
		if flow > maxNesting || entries > maxNesting {
			return t
		}
	}
	return nil
}

// anchored is a source that collects anchors, and refuses what aliases and tags
// may not do.
type anchored source

func (a *anchored) Visit(n ast.Node) ast.Visitor {
	root := place{src: (*source)(a)}
	switch n := n.(type) {
	case *ast.AnchorNode:
		name := tokenOf(n.Name).Value
		if a.anchors[name] != nil {
			root.at(n.Start).refuse("the anchor has the name of one before: give it another")
			return nil
		}
		a.anchors[name] = n.Value
	case *ast.AliasNode:
		if a.anchors[tokenOf(n.Value).Value] == nil {
			root.at(n.Start).refuse("the alias names no anchor before it")
		}
	case *ast.TagNode:
		if n.Start.Value != string(token.StringTag) {
			root.at(n.Start).refuse("the tag has no meaning here: leave it out")
		}
	}
	return a
}

// resolve leads through anchors and aliases to the value itself; null is nil.
func (s *source) resolve(n ast.Node) ast.Node {
	for range maxAliases {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.AliasNode:
			n = s.anchors[tokenOf(v.Value).Value]
		case *ast.TagNode:
			n = v.Value
		case *ast.MappingKeyNode:
			n = v.Value
		case *ast.NullNode:
			return nil
		default:
			return n
		}
	}
	return nil
}

// refuse adds a problem, unless it is there.
func (s *source) refuse(at place, format string, args ...any) {
	p := Problem{File: s.path, Line: at.line, Column: at.column, Field: at.field, Problem: fmt.Sprintf(format, args...)}
	switch {
	case s.closed || s.known[p]:
	case len(s.problems) >= maxKept:
		s.dropped++
	default:
		s.known[p] = true
		s.problems = append(s.problems, p)
	}
}

// tokenOf is the token at which a node begins; nil for none. A mapping's own is
// the colon after its first key.
func tokenOf(n ast.Node) *token.Token {
	switch v := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return v.Key.GetToken()
	}
	return n.GetToken()
}
