package users_test

import (
	"context"
	"fmt"

	"github.com/tidings-dev/tidings/producers/producerstest"
	"github.com/tidings-dev/tidings/producers/users"
)

// A service's own test needs no server: a Sink keeps what would be published.
func ExampleUpdated() {
	var sink producerstest.Sink
	before := users.User{ID: "u1", FirstName: "Ada", Active: true}
	after := before
	after.LastName = "Moss"
	_, err := users.Updated(context.Background(), &sink, after, before)
	e := sink.Events()[0]
	fmt.Println(e.Type(), e.Subject(), err)
	// Output: user.updated u1 <nil>
}
