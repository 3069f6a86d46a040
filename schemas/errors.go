package schemas

import (
	"errors"
	"fmt"
)

// Code is the closed set of kinds an [Error] has. The edges turn it into an
// exit status or an HTTP status; nothing else branches on text.
type Code string

const (
	CodeInvalid     Code = "invalid"     // the input is wrong: change it and try again
	CodeNotFound    Code = "not_found"   // what is named does not exist
	CodeConflict    Code = "conflict"    // it changed since it was read, or contradicts what is there
	CodeStale       Code = "stale"       // it is not the version that was named: read it again
	CodeUnavailable Code = "unavailable" // try again later: nothing was decided

	CodeUnauthenticated Code = "unauthenticated" // who calls is not known
	CodeForbidden       Code = "forbidden"       // who calls may not do it
	CodeTooLarge        Code = "too_large"       // the input is larger than is taken
	CodeTooMany         Code = "too_many"        // more often than is allowed: wait
	CodeFull            Code = "storage_full"    // there is no room to store it: somebody has to make some
)

// IsFull tells of an error code of JetStream's (nats-server, errors.json) whether
// there is no room: in the server, in the account, for a stream, or by a stream's
// own limit.
func IsFull(jetStreamCode uint16) bool {
	switch jetStreamCode {
	case 10002, 10023, 10047, 10077:
		return true
	}
	return false
}

// Error is a failure a person reads: its Message says what, where and what to
// do about it.
type Error struct {
	Code    Code
	Message string
	cause   error
}

// Errorf makes an [Error]. A %w in format is kept for errors.Is and errors.As.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: err}
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Unwrap leads to what was wrapped with %w.
func (e *Error) Unwrap() error { return e.cause }

// HasCode reports whether err is, or wraps, an [Error] with that code.
func HasCode(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
