package processes

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostToken is the operator's.
const hostToken = "tidings_of_one_who_is_on_call"

// pipeHost is a host with a whole pipe, and a ledger of what it was given.
type pipeHost struct {
	*host
	api      caller
	receiver *receiver

	mu     sync.Mutex               // guards what follows
	wants  map[string][]string      // the names of the endpoints of each tenant
	want   map[ledgerKey]bool       // what must be taken
	posted int                      // events, each of which has a number
	status map[string]func(int) int // what an endpoint answers to the nth request for an event; 204 if nothing is said
}

// onHost puts a ledger beside a host, whose API the runbooks find at 127.0.0.1:8080.
func onHost(h *host) *pipeHost {
	h.t.Helper()
	p := &pipeHost{host: h, wants: map[string][]string{}, want: map[ledgerKey]bool{}, status: map[string]func(int) int{}}
	p.receiver = startReceiver(h.t, func(q request) int {
		p.mu.Lock()
		answer := p.status[q.endpoint]
		p.mu.Unlock()
		if answer == nil {
			return http.StatusNoContent
		}
		return answer(q.nth)
	})
	h.stands("receiver.example.com", p.receiver.addr)
	address := h.address("127.0.0.1:8080")
	p.api = caller{h.t, "http://" + address, hostToken}
	h.env = append(h.env, "TIDINGS_SERVER="+p.api.base, "TIDINGS_TOKEN="+hostToken)
	return p
}

// role is the settings of a process on the host, which serves HTTP where the runbooks
// say.
func (p *pipeHost) role(shown, roles string, more ...string) []string {
	address := strings.TrimPrefix(p.api.base, "http://")
	if shown != "127.0.0.1:8080" {
		address = p.address(shown)
	}
	return append([]string{
		"TIDINGS_ROLES=" + roles, "TIDINGS_HTTP_ADDR=" + address, "TIDINGS_DATA_DIR=" + p.t.TempDir(), "TIDINGS_GRACE=5s",
		fmt.Sprintf("TIDINGS_PARTITIONS=%d", fleetLayout.Partitions), fmt.Sprintf("TIDINGS_SHARDS=%d", fleetLayout.Shards),
		"TIDINGS_EGRESS_ALLOW=127.0.0.0/8", "TIDINGS_SECRETS_KEY=" + processKey(), "TIDINGS_ADMIN_TOKEN=" + hostToken,
		"TIDINGS_API_RATE=100000/s", "TIDINGS_API_BURST=100000", // one token is all callers here
	}, more...)
}

// fleetOnHost is NATS, the API, a fanout and two dispatchers, each a unit.
func fleetOnHost(t *testing.T, built programs) *pipeHost {
	t.Helper()
	p := onHost(newHost(t, built))
	nats, monitor, conf := p.address("127.0.0.1:4222"), p.address("127.0.0.1:8222"), p.etc+"/nats/nats-server.conf"
	writeFile(t, conf, fmt.Sprintf("listen: %q\nhttp: %q\nmax_payload: 2MB\njetstream { store_dir: %q }\n", nats, monitor, t.TempDir()))
	server := p.unit("nats", nil, p.bin+"/nats-server", "-c", conf)
	p.host.mu.Lock()
	p.up(server)
	p.host.mu.Unlock()
	server.says("Server is ready")
	for _, r := range [][3]string{
		{"api", "127.0.0.1:8080", "api"},
		{"fanout", "127.0.0.1:8083", "fanout"},
		{"dispatcher-1", "127.0.0.1:8081", "dispatcher"},
		{"dispatcher-2", "127.0.0.1:8082", "dispatcher"},
	} {
		p.ready(p.unit("tidings@"+r[0], p.role(r[1], r[2], "TIDINGS_NATS_URL=nats://"+nats), p.bin+"/tidings", "run"))
	}
	return p
}

// endpoint makes one that gets all of a tenant's events, and the tenant if there is none.
func (p *pipeHost) endpoint(tenant, name string, policy fields) (id string) {
	p.t.Helper()
	if p.wants[tenant] == nil {
		p.api.call(http.MethodPost, "/v1/tenants", fields{"id": tenant, "name": tenant}, http.StatusCreated)
	}
	at := "/v1/tenants/" + tenant
	e := p.api.call(http.MethodPost, at+"/endpoints", fields{"name": name, "url": "http://" + p.receiver.addr + "/" + name, "policy": policy}, http.StatusCreated)
	p.api.call(http.MethodPost, at+"/subscriptions", fields{"endpoint": e["id"], "types": []string{"order.*"}}, http.StatusCreated)
	p.wants[tenant] = append(p.wants[tenant], name)
	return e["id"].(string)
}

// answers has an endpoint answer so from now on.
func (p *pipeHost) answers(name string, status func(nth int) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status[name] = status
}

// post publishes an event, and notes who must get it if it is accepted. The status is 0
// if nobody has answered.
func (p *pipeHost) post(ctx context.Context, tenant string) (status int) {
	p.mu.Lock()
	p.posted++
	id := fmt.Sprintf("order-%d", p.posted)
	p.mu.Unlock()
	event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop","type":"order.paid","data":{"id":%[1]q}}`, id)
	_, err := p.api.exchange(ctx, "/v1/tenants/"+tenant+"/events", "application/cloudevents+json", []byte(event))
	if err != nil {
		_, _ = fmt.Sscanf(err.Error(), "%d ", &status) // stays 0
		return status
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range p.wants[tenant] {
		p.want[ledgerKey{name, id}] = true
	}
	return http.StatusAccepted
}

// load publishes events as services do: they go on when they are refused, after a
// moment. It ends when it is told to.
func (p *pipeHost) load(publishers int, tenant string) (end func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var all sync.WaitGroup
	for range publishers {
		all.Go(func() {
			for ctx.Err() == nil {
				if p.post(ctx, tenant) != http.StatusAccepted {
					<-time.After(20 * time.Millisecond)
				}
			}
		})
	}
	end = func() {
		cancel()
		all.Wait()
	}
	p.t.Cleanup(end)
	return end
}

// publish publishes events, each until it is accepted.
func (p *pipeHost) publish(tenant string, events int) {
	p.t.Helper()
	for began := time.Now(); events > 0; {
		if p.post(p.t.Context(), tenant) == http.StatusAccepted {
			events--
		} else if time.Since(began) > waitLimit {
			p.t.Fatalf("no event is accepted within %s", waitLimit)
		}
	}
}

// missing is what of the ledger nobody has taken.
func (p *pipeHost) missing() (missing []ledgerKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receiver.mu.Lock()
	defer p.receiver.mu.Unlock()
	for key := range p.want {
		if s := p.receiver.seen[key]; s == nil || s.taken == 0 {
			missing = append(missing, key)
		}
	}
	return missing
}

// settled waits until all that was accepted is taken. There has to be something.
func (p *pipeHost) settled() {
	p.t.Helper()
	if len(p.want) == 0 {
		p.t.Fatal("nothing was published")
	}
	for began := time.Now(); ; <-time.After(untilEvery) {
		missing := p.missing()
		if len(missing) == 0 {
			return
		}
		if time.Since(began) > waitLimit {
			p.t.Fatalf("of %d deliveries %d were lost, or are not made after %s: %v", len(p.want), len(missing), waitLimit, missing[:min(5, len(missing))])
		}
	}
}
