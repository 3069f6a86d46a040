package producers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/users"
	"github.com/tidings-dev/tidings/schemas"
)

// connect stands for a service's nats.Connect to the server that Tidings uses.
func connect() (nc *nats.Conn, end func()) {
	dir, err := os.MkdirTemp("", "tidings-example-")
	if err != nil {
		panic(err)
	}
	s, err := newServer(dir)
	if err != nil {
		panic(err)
	}
	if nc, err = nats.Connect("", nats.InProcessServer(s)); err != nil {
		panic(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	c := jetstream.StreamConfig{Name: schemas.StreamEvents, Subjects: []string{schemas.EventsSubjects}}
	if _, err := js.CreateStream(context.Background(), c); err != nil {
		panic(err)
	}
	return nc, func() {
		nc.Close()
		stop(s)
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}
}

// A domain package builds the envelope; a service brings its own words.
func Example() {
	nc, end := connect()
	defer end()
	pub, err := producers.New(nc, producers.Options{Tenant: "acme", Source: "/services/accounts"})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	user := users.User{ID: "u1", Email: "ada@example.test", Active: true, CreatedAt: now, UpdatedAt: now}
	receipt, err := users.Created(context.Background(), pub, user)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stored as number", receipt.Sequence)

	_, err = users.Created(context.Background(), pub, users.User{})
	fmt.Println(err)
	// Output:
	// stored as number 1
	// publish user.created: the subject is empty: set the id of the user (nothing was stored)
}

func ExamplePublisher_Publish() {
	nc, end := connect()
	defer end()
	pub, err := producers.New(nc, producers.Options{Tenant: "acme", Source: "/services/billing"})
	if err != nil {
		fmt.Println(err)
		return
	}
	e := cloudevents.NewEvent()
	e.SetID("invoice-7-paid") // an id of the service's own makes publishing again safe
	e.SetType("invoice.paid")
	e.SetSubject("invoice-7")
	if err := e.SetData(cloudevents.ApplicationJSON, map[string]any{"amount": "12.00"}); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		receipt, err := pub.Publish(context.Background(), e)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s is number %d, stored before: %t\n", receipt.EventID, receipt.Sequence, receipt.Duplicate)
	}
	// Output:
	// invoice-7-paid is number 1, stored before: false
	// invoice-7-paid is number 1, stored before: true
}

// When no answer came in time, the error brings the event to publish again,
// with the id it was sent under.
func ExamplePublishError() {
	nc, end := connect()
	defer end()
	pub, err := producers.New(nc, producers.Options{Tenant: "acme", Source: "/services/accounts"})
	if err != nil {
		fmt.Println(err)
		return
	}
	late, cancel := context.WithCancel(context.Background())
	cancel()
	now := time.Now()
	_, err = users.Removed(late, pub, users.User{ID: "u1", CreatedAt: now, UpdatedAt: now})
	var unpublished *producers.PublishError
	if !errors.As(err, &unpublished) {
		fmt.Println(err)
		return
	}
	fmt.Println("may be stored:", unpublished.MaybeStored)
	receipt, err := pub.Publish(context.Background(), unpublished.Event)
	fmt.Println("published again:", receipt.EventID == unpublished.Event.ID(), err)
	// Output:
	// may be stored: false
	// published again: true <nil>
}

func ExamplePublisher_PublishAsync() {
	nc, end := connect()
	defer end()
	pub, err := producers.New(nc, producers.Options{Tenant: "acme", Source: "/services/accounts"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	var futures []*producers.Future
	for _, id := range []string{"u1", "u2", "u3"} {
		e, err := producers.NewEvent("user.synced", id, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		f, err := pub.PublishAsync(ctx, e)
		if err != nil {
			fmt.Println(err)
			return
		}
		futures = append(futures, f)
	}
	for _, f := range futures {
		receipt, err := f.Wait(ctx)
		fmt.Println(receipt.Sequence, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}
