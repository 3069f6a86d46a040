package lag

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// heads are the first deliveries of queues of endpoints, as they were last seen. It is
// not safe for concurrent use.
type heads struct {
	nc *nats.Conn
	of map[schemas.EndpointID]head
}

// head is what was found at the head of a queue.
type head struct {
	tenant schemas.TenantID
	since  time.Time // when its age began
	seen   time.Time
}

func newHeads(nc *nats.Conn) heads { return heads{nc, map[schemas.EndpointID]head{}} }

// maxLooks is how many queues of a stream are looked into at once.
const maxLooks = 32

// look adds queues to a picture. They are given as how many deliveries each subject
// has. Only the heads of a few are looked at; those of the others are what they were.
func (h heads) look(ctx context.Context, stream string, queues map[string]uint64, endpoints map[schemas.EndpointID]*Endpoint) error {
	seen := func(subject string) time.Time { return h.of[schemas.QueueEndpoint(subject)].seen }
	var subjects []string
	for subject, count := range queues {
		at(endpoints, schemas.QueueEndpoint(subject)).Held += int(count) //nolint:gosec // fewer than there are bytes of memory
		subjects = append(subjects, subject)
	}
	slices.SortFunc(subjects, func(a, b string) int { return seen(a).Compare(seen(b)) })
	for _, subject := range subjects[:min(len(subjects), maxLooks)] {
		found, err := first(ctx, h.nc, stream, 1, subject)
		if err != nil {
			return err
		}
		if found == nil {
			continue // it was drained meanwhile
		}
		if d, err := schemas.ReadDelivery(found.Subject, schemas.Header(found.Header), found.Data); err == nil {
			h.of[d.Endpoint] = head{d.Tenant, d.Since(), time.Now()}
		}
	}
	for _, subject := range subjects {
		id := schemas.QueueEndpoint(subject)
		if found, ok := h.of[id]; ok {
			at(endpoints, id).older(found.tenant, found.since)
		}
	}
	return nil
}

// forget forgets queues that are empty.
func (h heads) forget(endpoints map[schemas.EndpointID]*Endpoint) {
	for id := range h.of {
		if e := endpoints[id]; e == nil || e.Held == 0 {
			delete(h.of, id)
		}
	}
}
