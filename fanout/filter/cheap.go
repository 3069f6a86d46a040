package filter

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// joining operators cost no more than what they join.
var joining = []string{operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional}

// comparing operators cost no more than the shorter of two values.
var comparing = []string{
	operators.Equals, operators.NotEquals,
	operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
}

// isCheap reports whether an expression costs a step for each of its parts at
// most, whatever the event: it compares values with constants, and no more. Its
// cost need not be counted: which is five of six allocations.
func isCheap(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind, ast.IdentKind:
		return true
	case ast.SelectKind:
		return isCheap(e.AsSelect().Operand())
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		if slices.ContainsFunc(args, func(arg ast.Expr) bool { return !isCheap(arg) }) {
			return false
		}
		switch name := call.FunctionName(); {
		case slices.Contains(joining, name):
			return true
		case slices.Contains(comparing, name):
			return slices.ContainsFunc(args, isConstant)
		case name == operators.Index:
			return isConstant(args[1])
		}
	}
	return false
}

func isConstant(e ast.Expr) bool { return e.Kind() == ast.LiteralKind }
