package filter

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/antlr/antlr4/runtime/Go/antlr"
	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/gen"
	"github.com/cloudevents/sdk-go/sql/v2/parser"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/pointer"
)

// Key is an equality that must hold for a condition to hold. It may hold where
// the condition does not: it is for finding conditions, which are then tried.
type Key struct {
	Source Source
	Value  string
}

// Keys are the equalities of which each can be looked up in place of being tried:
// first those of data, since attributes tell fewer events apart.
func (c *Condition) Keys() (keys []Key) {
	if c == nil {
		return nil
	}
	all := keysOf(all(c.filters))
	for _, ofData := range [...]bool{true, false} {
		for _, k := range all {
			if k.Source.OfData() == ofData {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// keysOf are the equalities without which the node cannot hold.
func keysOf(n node) (keys []Key) {
	switch n := n.(type) {
	case *pair:
		if n.how == exact {
			return []Key{{n.source, n.value}}
		}
	case all:
		for _, child := range n {
			keys = append(keys, keysOf(child)...)
		}
	case *celNode:
		return n.program.keys
	case *sqlNode:
		return n.keys
	}
	return keys
}

// keysOfCEL are the equalities without which an expression is not true: those
// that && joins at its top, of a variable or a member and a constant. An && is
// true only where both sides are, in whichever order they are judged.
func keysOfCEL(e ast.Expr) (keys []Key) {
	if e.Kind() != ast.CallKind {
		return nil
	}
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		for _, arg := range args {
			keys = append(keys, keysOfCEL(arg)...)
		}
	case operators.Equals:
		for i := range args {
			if other := args[1-i]; other.Kind() == ast.LiteralKind {
				if k, ok := keyOfCEL(args[i], other.AsLiteral()); ok {
					keys = append(keys, k)
				}
			}
		}
	}
	return keys
}

// keyOfCEL is the key of a place and the constant it must be equal to. A string
// is equal to itself alone, a number to every way of writing it.
func keyOfCEL(place ast.Expr, constant ref.Val) (k Key, ok bool) {
	path, ok := pathOf(place)
	if !ok {
		return Key{}, false
	}
	if k.Source, ok = sourceOf(path); !ok {
		return Key{}, false
	}
	switch c := constant.(type) {
	case types.String:
		k.Value = string(c)
	case types.Int:
		k.Source.number, k.Value = true, formatNumber(float64(c))
	case types.Uint:
		k.Source.number, k.Value = true, formatNumber(float64(c))
	case types.Double:
		k.Source.number, k.Value = true, formatNumber(float64(c))
	default:
		return Key{}, false
	}
	if k.Source.OfData() {
		return k, true
	}
	return k, k.Value != "" && !k.Source.number // an attribute that is not there is not empty
}

// sourceOf is where a variable and members lead.
func sourceOf(path []string) (Source, bool) {
	switch variable := path[0]; {
	case variable == nameData && len(path) > 1:
		var text strings.Builder
		for _, segment := range path[1:] {
			text.WriteString("/" + escape.Replace(segment))
		}
		p, err := pointer.ParseWide(text.String())
		return Source{name: text.String(), pointer: p}, err == nil
	case variable == nameAttributes && len(path) == 2:
		return Source{name: path[1]}, true
	case slices.Contains(textAttributes, variable) && len(path) == 1:
		return Source{name: variable}, true
	default:
		return Source{}, false
	}
}

// escape writes a segment of a pointer (RFC 6901, section 3).
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// pathOf is the variable and the members that lead to a value. An index counts as
// a member's name: a pointer does not tell them apart either.
func pathOf(e ast.Expr) ([]string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}, true
	case ast.SelectKind:
		if s := e.AsSelect(); !s.IsTestOnly() {
			path, ok := pathOf(s.Operand())
			return append(path, s.FieldName()), ok
		}
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		switch {
		case call.FunctionName() == overloads.TypeConvertDyn && len(args) == 1:
			return pathOf(args[0])
		case call.FunctionName() == operators.Index && args[1].Kind() == ast.LiteralKind:
			path, ok := pathOf(args[0])
			switch at := args[1].AsLiteral().(type) {
			case types.String:
				return append(path, string(at)), ok
			case types.Int:
				return append(path, strconv.FormatInt(int64(at), 10)), ok
			}
		}
	}
	return nil, false
}

// formatNumber is one text for all numbers that CEL may find equal.
func formatNumber(f float64) string {
	return strconv.FormatFloat(f+0, 'g', -1, 64) // and -0 is 0
}

// Form is a text of the source as keys have it.
func (s Source) Form(text []byte) []byte {
	if !s.number {
		return text
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return nil
	}
	return []byte(formatNumber(f))
}

// Same reports whether two sources have the same texts.
func (s Source) Same(other Source) bool {
	return s.name == other.name && s.number == other.number && s.OfData() == other.OfData()
}

// keysOfSQL are the equalities without which an expression is not true: those of
// an attribute and a string, alone or joined by AND.
func keysOfSQL(tree antlr.Tree) (keys []Key) {
	switch c := tree.(type) {
	case *gen.CesqlContext:
		return keysOfSQL(c.Expression())
	case *gen.SubExpressionContext:
		return keysOfSQL(c.Expression())
	case *gen.BinaryLogicExpressionContext:
		if c.AND() != nil {
			return append(keysOfSQL(c.Expression(0)), keysOfSQL(c.Expression(1))...)
		}
	case *gen.BinaryComparisonExpressionContext:
		if c.EQUAL() == nil {
			return nil
		}
		for i := range 2 {
			if k, ok := keyOfSQL(c.Expression(i), c.Expression(1-i)); ok {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// rewritten are the attributes that SQL may see in another form than the event
// has them in.
var rewritten = map[string]bool{"source": true, "time": true, "dataschema": true, "datacontenttype": true, "specversion": true}

// keyOfSQL is the key of an attribute and the string it must be equal to. SQL
// sees the others, which no cast changes, as strings: as the event has them.
func keyOfSQL(attribute, text gen.IExpressionContext) (Key, bool) {
	a, ok := attribute.(*gen.AtomExpressionContext)
	if !ok {
		return Key{}, false
	}
	name, ok := a.Atom().(*gen.IdentifierAtomContext)
	if !ok {
		return Key{}, false
	}
	b, ok := text.(*gen.AtomExpressionContext)
	if !ok {
		return Key{}, false
	}
	if _, ok := b.Atom().(*gen.StringAtomContext); !ok {
		return Key{}, false
	}
	literal, ok := parser.NewExpressionVisitor().Visit(b).(cesql.Expression)
	if !ok {
		return Key{}, false
	}
	value, err := literal.Evaluate(schemas.Event{})
	if err != nil {
		return Key{}, false
	}
	k := Key{Source: Source{name: strings.ToLower(name.GetText())}}
	k.Value, ok = value.(string)
	return k, ok && k.Value != "" && !rewritten[k.Source.name]
}
