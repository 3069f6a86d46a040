package streams

import (
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Following is a bucket as [Apply] returns it.
func Following(kv jetstream.KeyValue, nc *nats.Conn) jetstream.KeyValue { return following{kv, nc} }
