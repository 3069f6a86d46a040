package filter

import (
	"fmt"
	"strings"
	"sync"

	"github.com/antlr/antlr4/runtime/Go/antlr"
	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/gen"
	"github.com/cloudevents/sdk-go/sql/v2/parser"
	"github.com/cloudevents/sdk-go/sql/v2/runtime"
	"github.com/cloudevents/sdk-go/sql/v2/utils"

	"github.com/tidings-dev/tidings/schemas"
)

// sqlNode is an expression of CloudEvents SQL 1.0.
type sqlNode struct {
	where      string
	expression cesql.Expression
	keys       []Key
}

// sqlEvent is the event as the SDK has it, made when it is first asked for.
type sqlEvent struct {
	once  bool
	event schemas.Event
	err   error
}

func (e *Event) forSQL() (schemas.Event, error) {
	if !e.sql.once {
		e.sql.once = true
		e.sql.event, e.sql.err = schemas.DecodeEvent(e.header, nil)
	}
	return e.sql.event, e.sql.err
}

func (n *sqlNode) holds(e *Event) bool {
	holds, err := n.evaluate(e)
	if err != nil {
		e.failures++
	}
	return holds && err == nil
}

// evaluate is the value of the expression as a boolean (CloudEvents Subscriptions
// 1.0, section 3.2.4.7).
func (n *sqlNode) evaluate(e *Event) (holds bool, err error) {
	event, err := e.forSQL()
	if err != nil {
		return false, err
	}
	defer func() {
		if r := recover(); r != nil { // of the SDK, which casts without looking
			holds, err = false, fmt.Errorf("sql: %v", r)
		}
	}()
	value, err := n.expression.Evaluate(event)
	if err != nil {
		return false, err
	}
	cast, err := utils.Cast(value, cesql.BooleanType)
	if err != nil {
		return false, err
	}
	return cast == true, nil
}

func (n *sqlNode) failure(e *Event) (where, why string) {
	if _, err := n.evaluate(e); err != nil {
		return n.where, "it cannot be judged: an attribute is not there, or is not of the type that is asked for"
	}
	return n.where, "the expression is false"
}

// parsing guards the SDK's parsers, which share tables.
var parsing sync.Mutex

func newSQL(where, text string) (n *sqlNode, err error) {
	parsing.Lock()
	defer parsing.Unlock()
	defer func() {
		if r := recover(); r != nil {
			n, err = nil, schemas.Errorf(schemas.CodeInvalid, "%s: the expression is not understood: write it like \"subject LIKE 'a%%'\"", where)
		}
	}()
	tree, err := checkSQL(text)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %w", where, err)
	}
	expression, err := parser.Parse(text)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %s", where, strings.Join(strings.Fields(err.Error()), " "))
	}
	return &sqlNode{where, expression, keysOfSQL(tree)}, nil
}

// checkSQL finds what the SDK's parser passes over, or does not say the place of:
// what the lexer does not know, errors of syntax, functions that do not exist.
func checkSQL(text string) (antlr.Tree, error) {
	var errs sqlErrors
	lexer := gen.NewCESQLParserLexer(parser.NewCaseChangingStream(antlr.NewInputStream(text), true))
	lexer.RemoveErrorListeners()
	lexer.AddErrorListener(&errs)
	p := gen.NewCESQLParserParser(antlr.NewCommonTokenStream(lexer, antlr.TokenDefaultChannel))
	p.RemoveErrorListeners()
	p.AddErrorListener(&errs)
	tree := p.Cesql()
	if errs.first == nil {
		errs.first = checkFunctions(tree)
	}
	return tree, errs.first
}

// sqlErrors keeps the first error of a lexer and a parser.
type sqlErrors struct {
	antlr.DefaultErrorListener
	first error
}

// SyntaxError is what a lexer or a parser calls. Column counts from 0.
//
//nolint:revive // argument-limit: the interface is ANTLR's
func (s *sqlErrors) SyntaxError(_ antlr.Recognizer, _ any, line, column int, message string, _ antlr.RecognitionException) {
	if s.first == nil {
		s.first = fmt.Errorf("%d:%d: %s", line, column+1, message)
	}
}

// checkFunctions finds the first call of a function that does not exist.
func checkFunctions(tree antlr.Tree) error {
	if c, ok := tree.(*gen.FunctionInvocationExpressionContext); ok {
		n := 0
		if parameters, ok := c.FunctionParameterList().(*gen.FunctionParameterListContext); ok {
			n = len(parameters.AllExpression())
		}
		if name := c.FunctionIdentifier().GetText(); runtime.ResolveFunction(name, n) == nil {
			return fmt.Errorf("%d:%d: there is no function %s of %d parameters", c.GetStart().GetLine(), c.GetStart().GetColumn()+1, name, n)
		}
	}
	for _, child := range tree.GetChildren() {
		if err := checkFunctions(child); err != nil {
			return err
		}
	}
	return nil
}
