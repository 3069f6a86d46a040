package main

import (
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

func natsMsg(s string, d schemas.Delivery) *nats.Msg {
	return &nats.Msg{Subject: s, Header: nats.Header(d.Header()), Data: []byte(`{}`)}
}
