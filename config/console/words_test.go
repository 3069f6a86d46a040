package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// reasonsInGo reads the constants of the type [schemas.Reason] from where they are
// declared, so that none can be left out.
func reasonsInGo(t *testing.T) (words []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash("../../schemas/outcome.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if named, ok := spec.Type.(*ast.Ident); !ok || named.Name != "Reason" {
			return true
		}
		word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Error(err)
		}
		words = append(words, word)
		return true
	})
	if !slices.Contains(words, string(schemas.ReasonOK)) || !slices.Contains(words, string(schemas.ReasonSchemaInvalid)) {
		t.Fatalf("read %q: the constants are written in another way", words)
	}
	return words
}

// TestEveryReasonHasWords wants the console to say of each reason what it means and
// what to do, and of nothing else.
func TestEveryReasonHasWords(t *testing.T) {
	content, err := files.ReadFile("web/js/reasons.js")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^  ([a-z_]+): \{ text: "([^"]{10,})", todo: "([^"]{8,})" \},$`)
	var said []string
	for _, found := range row.FindAllStringSubmatch(string(content), -1) {
		said = append(said, found[1])
		for _, sentence := range found[2:] {
			if !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: %q is no sentence", found[1], sentence)
			}
		}
	}
	want := reasonsInGo(t)
	slices.Sort(said)
	slices.Sort(want)
	if !slices.Equal(said, want) {
		t.Errorf("reasons.js has\n%q, schemas\n%q", said, want)
	}
}

// TestSnippets holds the snippets of Node and Python to those that run in the tests of
// the pipe's own signatures, and wants one for each family and language.
func TestSnippets(t *testing.T) {
	const folder = "../../dispatcher/signing/snippets"
	for _, family := range []string{"standard", "relaybox", "oneroute", "roq"} {
		for _, ending := range []string{"mjs", "py", "go", "php", "rb", "java"} {
			name := family + "." + ending
			shown, err := files.ReadFile("web/snippets/" + name + ".txt")
			if err != nil || len(shown) < 300 {
				t.Errorf("%s: %d bytes, %v", name, len(shown), err)
			}
			if ending != "mjs" && ending != "py" {
				continue
			}
			run, err := os.ReadFile(filepath.Join(filepath.FromSlash(folder), name))
			if err != nil || string(run) != string(shown) {
				t.Errorf("%s is not what the tests of %s run, %v: copy it from there", name, folder, err)
			}
		}
	}
}
