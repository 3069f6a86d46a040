package deliverylog

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// BenchmarkApply stores deliveries of two records each, an event's and an attempt's, in
// batches as they come of a busy LOG. "read" is the reading of the lines alone.
func BenchmarkApply(b *testing.B) {
	b.Run("read", func(b *testing.B) {
		bodies := benchBodies(b.N)
		b.ResetTimer()
		for i, body := range bodies {
			newBatch().add(uint64(i+1), "log.acme", body)
		}
	})
	for name, url := range map[string]func(testing.TB) string{"sqlite": newSQLite, "postgres": newPostgres} {
		b.Run(name, func(b *testing.B) {
			s := open(b, url(b))
			bodies := benchBodies(b.N)
			at, err := readPosition(b.Context(), s.write, "")
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for i, body := range bodies {
				batch := newBatch()
				batch.add(uint64(i+1), "log.acme", body)
				if at, err = s.apply(b.Context(), at, batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchBodies are messages of the records of n deliveries, 333 in each.
func benchBodies(n int) (bodies [][]byte) {
	began := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i := 0; i < n; {
		var body []byte
		for range min(333, n-i) {
			at := began.Add(time.Duration(i) * time.Millisecond)
			summary := schemas.EventSummary{ID: fmt.Sprintf("0195fa1c-%012d", i), Source: "/services/accounts", Type: fmt.Sprintf("user.event%d", i%20), Subject: fmt.Sprintf("usr_%d", i%10_000)}
			whole := summary
			whole.Time, whole.Size, whole.Trace = at, 1024, "4bf92f3577b34da6a3ce929d0e0e4736"
			endpoint := schemas.EndpointID(fmt.Sprintf("ep_036o4ieudc00000%08d", i%100))
			body = schemas.AppendRecord(body, schemas.Record{Event: &schemas.EventRecord{
				Sequence: uint64(i + 1), Accepted: at, EventSummary: whole, Endpoints: []schemas.EndpointID{endpoint},
			}})
			body = schemas.AppendRecord(body, schemas.Record{Attempt: &schemas.AttemptRecord{
				Delivery: schemas.NewDeliveryID(at, uint64(i+1), endpoint), Endpoint: endpoint, Event: summary,
				Attempt: schemas.Attempt{Number: 1, At: at.Add(time.Millisecond), Duration: 1234567, Status: 204, Reason: schemas.ReasonOK},
				Kind:    schemas.Delivered, Reason: schemas.ReasonOK, Dispatcher: "host-1234",
				Exchange: &schemas.Exchange{URL: "https://example.test/hooks", Sent: 1024, Timings: schemas.Timings{FirstByte: 1200000}},
			}})
			i++
		}
		bodies = append(bodies, body)
	}
	return bodies
}
