package fanout

import (
	"fmt"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// An event for many endpoints is told of in records that fit into messages, and is
// settled when all of them are stored.
func TestJournalOfMany(t *testing.T) {
	var endpoints []schemas.EndpointID
	for n := range 2*maxNamed + 1 {
		endpoints = append(endpoints, schemas.EndpointID(fmt.Sprint("ep_", n)))
	}
	for _, n := range []int{0, 1, maxNamed, maxNamed + 1, len(endpoints)} {
		var written []func()
		var named []schemas.EndpointID
		f := &Fanout{o: Options{Journal: func(tenant schemas.TenantID, r schemas.Record, w func()) {
			if tenant != "acme" || r.Event.Sequence != 7 || len(r.Event.Endpoints) > maxNamed {
				t.Errorf("%s is told of %d, which goes to %d", tenant, r.Event.Sequence, len(r.Event.Endpoints))
			}
			named, written = append(named, r.Event.Endpoints...), append(written, w)
		}}}
		s := &step{left: 1}
		(&run{f: f}).journal(t.Context(), s, decision{tenant: "acme", record: &schemas.EventRecord{Sequence: 7, Endpoints: endpoints[:n]}})
		if records := max(1, (n+maxNamed-1)/maxNamed); len(written) != records || s.left != 1+records {
			t.Errorf("%d endpoints: %d records, %d parts; want %d records", n, len(written), s.left, records)
		}
		if len(named) != n || n > 0 && (named[0] != endpoints[0] || named[n-1] != endpoints[n-1]) {
			t.Errorf("%d of %d are named", len(named), n)
		}
	}
	(&run{}).journal(t.Context(), &step{}, decision{}) // nobody's event
}
