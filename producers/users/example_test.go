package users_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tidings-dev/tidings/producers/producerstest"
	"github.com/tidings-dev/tidings/producers/users"
)

// A service's own test needs no server: a Sink keeps what would be published.
func ExampleUpdated() {
	var sink producerstest.Sink
	registered := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	before := users.User{ID: "u1", FirstName: "Ada", Active: true, CreatedAt: registered, UpdatedAt: registered}
	after := before
	after.LastName, after.UpdatedAt = "Moss", time.Now()
	_, err := users.Updated(context.Background(), &sink, after, before)
	e := sink.Events()[0]
	fmt.Println(e.Type(), e.Subject(), err)
	// Output: user.updated u1 <nil>
}
