package processes

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// pullHold is how long what a puller has is its own.
	pullHold = 3 * time.Second
	// pullAgain is when what was handed out, or half settled, at a crash has come again:
	// an api process that lost the broker tries for 8 s to settle a receipt, and
	// JetStream waits a little longer than the receipt is good.
	pullAgain = 8*time.Second + pullHold + 3*time.Second
)

// isPulled reports whether an endpoint is one to pull from, by its name.
func isPulled(endpoint string) bool { return strings.HasPrefix(endpoint, "ep_pulled") }

// puller is a receiver that fetches an endpoint's deliveries over HTTP. What it gets
// is in the ledger of the receiver as if it had been sent there, and is answered
// likewise.
type puller struct {
	api      caller
	receiver *receiver
	endpoint string
	most     int // deliveries that one poll brings
}

// pullAll runs a puller for each endpoint of the plan that is one to pull from. They
// go on while the API is away, until stop returns.
func (f *fleet) pullAll(api caller, most int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for endpoint := range f.plan {
		if isPulled(endpoint) {
			all.Go(func() { puller{api, f.receiver, endpoint, most}.run(ctx) })
		}
	}
	return func() { cancel(); all.Wait() }
}

func (p puller) run(ctx context.Context) {
	for ctx.Err() == nil {
		var found struct{ Deliveries []schemas.Pulled }
		err := p.ask(ctx, "/poll", fields{"max": p.most, "wait": "2s", "ack_wait": pullHold.String()}, &found)
		if err != nil {
			rest(ctx)
			continue
		}
		said := schemas.Settlement{}
		for _, d := range found.Deliveries {
			if p.receiver.pulled(p.endpoint, d) == http.StatusNoContent {
				said.Ack = append(said.Ack, d.Receipt)
			} else {
				said.Nack = append(said.Nack, schemas.Nack{Receipt: d.Receipt, Reason: "not now"})
			}
		}
		if len(found.Deliveries) > 0 {
			p.settle(ctx, said)
		}
	}
}

// settle says what became of deliveries until it is heard.
func (p puller) settle(ctx context.Context, said schemas.Settlement) {
	for ctx.Err() == nil {
		var answer struct{ Settled []schemas.Settled }
		if p.ask(ctx, "/settle", said, &answer) != nil {
			rest(ctx)
			continue
		}
		unknown := map[string]bool{}
		for _, s := range answer.Settled {
			unknown[s.Receipt] = s.Status == schemas.SettledUnavailable
		}
		left := schemas.Settlement{}
		for _, receipt := range said.Ack {
			if unknown[receipt] {
				left.Ack = append(left.Ack, receipt)
			}
		}
		for _, nack := range said.Nack {
			if unknown[nack.Receipt] {
				left.Nack = append(left.Nack, nack)
			}
		}
		if len(left.Ack)+len(left.Nack) == 0 {
			return
		}
		said = left
		rest(ctx)
	}
}

func (p puller) ask(ctx context.Context, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := p.api.exchange(ctx, "/v1/tenants/"+string(testTenant)+"/endpoints/"+p.endpoint+path, "application/json", text)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

func rest(ctx context.Context) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
}

// pulled enters a delivery that was fetched, and returns its answer.
func (r *receiver) pulled(endpoint string, d schemas.Pulled) (status int) {
	body := []byte(d.Body)
	s, came := r.note(ledgerKey{endpoint, eventOf(body)}, d.Headers[strings.ToLower(signing.HeaderID)])
	status = http.StatusNoContent
	if r.answer != nil {
		status = r.answer(came)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if status == http.StatusNoContent {
		s.taken++
	}
	return status
}
