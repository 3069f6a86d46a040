package usage

import (
	"errors"
	"fmt"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/schemas"
)

// Exit codes of all commands.
const (
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitDenied      = 4
	ExitUnreachable = 5
)

// wrong is a command that is worded wrongly.
type wrong struct{ error }

// Unwrap leads to what was wrong.
func (e wrong) Unwrap() error { return e.error }

// failed is a command that has done its work, with a bad end.
type failed struct{ error }

// Unwrap leads to why.
func (e failed) Unwrap() error { return e.error }

// Errorf is the error of a command that is worded wrongly.
func Errorf(format string, args ...any) error { return wrong{fmt.Errorf(format, args...)} }

// Wrong makes an error that of a command which is worded wrongly; nil stays nil.
func Wrong(err error) error {
	if err == nil {
		return nil
	}
	return wrong{err}
}

// Failed makes an error that of a command which is worded well and has not worked:
// what was to be judged, or sent, is bad. A server that gives no answer, or that
// denies it, is told from that all the same. Nil stays nil.
func Failed(err error) error {
	if code := ExitCode(err); code == 0 || code >= ExitDenied {
		return err
	}
	return failed{err}
}

// ExitCode is what the process ends with after err; 0 if it is nil.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[failed](err); ok {
		return ExitFailed
	}
	if _, ok := errors.AsType[wrong](err); ok {
		return ExitUsage
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return ofAnswer(e)
	}
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		return ofCode(e.Code)
	}
	return ExitFailed
}

// ofAnswer is of an answer of the API.
func ofAnswer(e *client.Error) int {
	switch {
	case e.NotFound():
		return ExitNotFound
	case e.Denied():
		return ExitDenied
	case e.Unreachable():
		return ExitUnreachable
	}
	return ExitFailed
}

// ofCode is of what was found out here, or by the broker.
func ofCode(c schemas.Code) int {
	switch c {
	case schemas.CodeInvalid:
		return ExitUsage
	case schemas.CodeNotFound:
		return ExitNotFound
	case schemas.CodeUnauthenticated, schemas.CodeForbidden:
		return ExitDenied
	case schemas.CodeUnavailable:
		return ExitUnreachable
	}
	return ExitFailed
}
