package schemas_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// Each reason that the code has a name for is one, and nothing else is.
func TestReasonsAreKnown(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "outcome.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if err := schemas.Reason(text).Validate(); err != nil {
			t.Error(err)
		}
		return true
	})
	if seen < 30 {
		t.Errorf("only %d reasons were found", seen)
	}
	for _, text := range []string{"", "bogus", "OK"} {
		if err := schemas.Reason(text).Validate(); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "exhausted") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
