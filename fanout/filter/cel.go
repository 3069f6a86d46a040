package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"weak"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/tidings-dev/tidings/schemas"
)

// costLimit bounds what one expression may cost for one event, in CEL's units:
// about a step each, or ten characters of a string. It is some milliseconds.
const costLimit = 10_000

// Names in an expression, beside the attributes.
const (
	nameData       = "data"
	nameAttributes = "attributes"
	nameTime       = "time"
)

// textAttributes are variables that are strings.
var textAttributes = []string{"id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject"}

// newEnv is what expressions are checked by, for data of the type. The standard
// library has no function whose result depends on anything but its arguments.
func newEnv(data *cel.Type, o ...cel.EnvOption) (*cel.Env, error) {
	o = append(o,
		cel.Variable(nameData, data),
		cel.Variable(nameAttributes, cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable(nameTime, cel.TimestampType),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableIdentifierEscapeSyntax(),
		cel.ParserRecursionLimit(50),
	)
	for _, name := range textAttributes {
		o = append(o, cel.Variable(name, cel.StringType))
	}
	return cel.NewEnv(o...)
}

// anyData has expressions of data of which nothing is known.
var anyData = sync.OnceValues(func() (*cel.Env, error) { return newEnv(cel.DynType) })

// checked compiles an expression. The error has line, column and reason.
func checked(env *cel.Env, text string) (*cel.Ast, error) {
	ast, issues := env.Compile(text)
	if errs := issues.Errors(); len(errs) > 0 {
		first := errs[0]
		return nil, fmt.Errorf("%d:%d: %s", first.Location.Line(), max(1, first.Location.Column()+1), plainly(firstLine(first.Message)))
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("1:1: the expression gives %s: write a condition, like data.status == \"open\"", typeName(t))
	}
	return ast, nil
}

// syntax are what the parser says of mistakes, which lists all words that it knows, and
// what people are told.
var syntax = []struct {
	said *regexp.Regexp
	told string
}{
	{regexp.MustCompile(`^Syntax error: (?:mismatched|extraneous) input '<EOF>'.*$`), "Syntax error: the expression ends too early"},
	{regexp.MustCompile(`^Syntax error: (?:mismatched|extraneous) input '(.*?)' expecting .*$`), "Syntax error: '$1' is not expected here"},
	{regexp.MustCompile(`^Syntax error: missing (.*) at '<EOF>'$`), "Syntax error: $1 is missing at the end"},
	{regexp.MustCompile(`^Syntax error: no viable alternative at input '(.*)'$`), "Syntax error: '$1' is not understood"},
	{regexp.MustCompile(`^Syntax error: token recognition error at: '= '$`), "Syntax error: '=' alone means nothing: write =="},
	{regexp.MustCompile(`^Syntax error: token recognition error at: '(['"].*)'$`), "Syntax error: the text $1 does not end"},
	{regexp.MustCompile(`^Syntax error: token recognition error at: '(.*)'$`), "Syntax error: '$1' means nothing"},
}

// plainly words what the parser says for who wrote the expression.
func plainly(text string) string {
	for _, s := range syntax {
		if s.said.MatchString(text) {
			return s.said.ReplaceAllString(text, s.told)
		}
	}
	return text
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return readable.Replace(line)
}

// program is a compiled expression.
type program struct {
	cel.Program
	keys []Key
}

func compileCEL(text string) (*program, error) {
	env, err := anyData()
	if err != nil {
		return nil, err
	}
	ast, err := checked(env, text)
	if err != nil {
		return nil, err
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if !isCheap(ast.NativeRep().Expr()) {
		options = append(options, cel.CostLimit(costLimit))
	}
	p, err := env.Program(ast, options...)
	if err != nil {
		return nil, fmt.Errorf("1:1: %s", firstLine(err.Error()))
	}
	return &program{p, keysOfCEL(ast.NativeRep().Expr())}, nil
}

// shared are programs by their text, for as long as a condition has them.
type shared struct {
	mu     *sync.Mutex // guards byText
	byText map[string]weak.Pointer[program]
}

func newShared() shared {
	return shared{mu: &sync.Mutex{}, byText: map[string]weak.Pointer[program]{}}
}

func (s shared) get(text string) (*program, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.byText[text].Value(); p != nil {
		return p, nil
	}
	p, err := compileCEL(text)
	if err != nil {
		return nil, err
	}
	s.byText[text] = weak.Make(p)
	runtime.AddCleanup(p, s.drop, text)
	return p, nil
}

// drop forgets a program that nobody has any more.
func (s shared) drop(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byText[text].Value() == nil {
		delete(s.byText, text)
	}
}

// celNode is an expression of CEL.
type celNode struct {
	where   string
	program *program
}

func (c *Compiler) cel(where, text string) (node, error) {
	p, err := c.programs.get(text)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %w", where, err)
	}
	return &celNode{where, p}, nil
}

func (n *celNode) holds(e *Event) bool {
	holds, err := n.evaluate(e)
	if err != nil {
		e.failures++
	}
	return holds
}

func (n *celNode) evaluate(e *Event) (bool, error) {
	value, _, err := n.program.Eval(&e.vars)
	if err != nil {
		return false, err
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, fmt.Errorf("gives %s", value.Type().TypeName())
	}
	return bool(holds), nil
}

// failure sorts errors, since their text may repeat data.
func (n *celNode) failure(e *Event) (where, why string) {
	_, err := n.evaluate(e)
	switch {
	case err == nil:
		return n.where, "the expression is false"
	case strings.Contains(err.Error(), "no such key"), strings.Contains(err.Error(), "no such attribute"):
		return n.where, "it cannot be judged: an attribute or member is not there"
	case strings.Contains(err.Error(), "cost limit"):
		return n.where, "it cannot be judged: it costs more than is allowed for one event"
	default:
		return n.where, "it cannot be judged: a value is not of the type that is asked for"
	}
}

// variables are what an expression sees of an event. They are read when the first
// asks, and shared by all that do.
type variables struct {
	event   *Event
	decoded bool
	data    any
	valid   bool // data is JSON, or there is none
	all     map[string]string
}

// Parent is nobody.
func (v *variables) Parent() interpreter.Activation { return nil }

// ResolveName is the value of a variable.
func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case nameData:
		if !v.decoded {
			v.decoded = true
			v.data, v.valid = decode(v.event.data)
		}
		return v.data, v.valid
	case nameAttributes:
		if v.all == nil {
			v.all = map[string]string{}
			d := schemas.Delivery{Event: v.event.header}
			for _, a := range d.Attributes() {
				v.all[a.Name] = a.Value
			}
		}
		return v.all, true
	case nameTime:
		return v.event.time()
	default:
		return v.event.Attribute(name)
	}
}

// decode reads data for expressions; none is null.
func decode(data []byte) (value any, ok bool) {
	if len(data) == 0 {
		return types.NullValue, true
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil, false
	}
	return exactNumbers(value), true
}

// exactNumbers has no integer become a double that fits into 64 bits.
func exactNumbers(value any) any {
	switch v := value.(type) {
	case nil:
		return types.NullValue
	case json.Number:
		return number(string(v))
	case []any:
		for i := range v {
			v[i] = exactNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = exactNumbers(v[name])
		}
	}
	return value
}

func number(text string) any {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u
	}
	f, _ := strconv.ParseFloat(text, 64) // out of range: an infinity
	return f
}
