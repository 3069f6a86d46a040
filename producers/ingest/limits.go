package ingest

import "github.com/tidings-dev/tidings/schemas"

// Limits bound what one request may hold. The zero value of a field asks for its
// default.
type Limits struct {
	// Event is how many bytes the data of one event may have, schemas.MaxEventSize
	// by default.
	Event int
	// Body is how many bytes the whole body may have, 8 MiB by default. One event
	// of the largest size fits whatever it is: in base64 it takes a third more.
	Body int64
	// Batch is how many events a batch may hold, 1000 by default.
	Batch int
}

const (
	defaultBody  = 8 << 20
	defaultBatch = 1000
)

func (l Limits) withDefaults() Limits {
	if l.Event <= 0 {
		l.Event = schemas.MaxEventSize
	}
	if l.Body <= 0 {
		l.Body = defaultBody
	}
	if l.Batch <= 0 {
		l.Batch = defaultBatch
	}
	return l
}
