package usage_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/schemas"
)

func TestExitCode(t *testing.T) {
	known := func(c schemas.Code) error { return fmt.Errorf("do: %w", schemas.Errorf(c, "x")) }
	answer := func(status int, code string) error {
		return fmt.Errorf("do: %w", &client.Error{Status: status, Code: code})
	}
	for i, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{usage.Wrong(nil), 0},
		{usage.Failed(nil), 0},
		{errors.New("x"), 1},
		{usage.Errorf("x"), 2},
		{fmt.Errorf("do: %w", usage.Wrong(errors.New("x"))), 2},
		{usage.Wrong(known(schemas.CodeUnavailable)), 2},
		{known(schemas.CodeInvalid), 2},
		{known(schemas.CodeNotFound), 3},
		{known(schemas.CodeForbidden), 4},
		{known(schemas.CodeUnauthenticated), 4},
		{known(schemas.CodeUnavailable), 5},
		{known(schemas.CodeConflict), 1},
		{known(schemas.CodeFull), 1},
		{answer(0, ""), 5},
		{answer(502, ""), 5},
		{answer(404, ""), 5},
		{answer(404, "not_found"), 3},
		{answer(401, "unauthenticated"), 4},
		{answer(403, "forbidden"), 4},
		{answer(400, "invalid"), 1},
		{answer(409, "conflict"), 1},
		{usage.Failed(known(schemas.CodeInvalid)), 1},
		{usage.Failed(known(schemas.CodeUnavailable)), 5},
		{usage.Failed(known(schemas.CodeForbidden)), 4},
	} {
		if got := usage.ExitCode(c.err); got != c.want {
			t.Errorf("%d: %v exits %d, want %d", i, c.err, got, c.want)
		}
	}
}
