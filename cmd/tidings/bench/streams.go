package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	costsServers = 3
	costsAhead   = 512 // messages published and not yet stored
	// costsReady is how long servers may take to find one another and a leader.
	costsReady = 30 * time.Second
)

// streams measures what one stream takes, on one server and on three.
func (r *costsReport) streams(ctx context.Context, b *bencher) (err error) {
	if r.Store, r.Writes, err = measureStream(ctx, 1, b.events); err != nil {
		return err
	}
	r.Replicated, r.ReplicatedWrites, err = measureStream(ctx, costsServers, b.events)
	return err
}

// measureStream writes to a stream of so many copies, each on a server of its own in
// this process. It returns the CPU time of a message in µs, and how many there were a
// second.
func measureStream(ctx context.Context, copies, messages int) (cpu, perSecond float64, err error) {
	dir, err := os.MkdirTemp("", "tidings-bench-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	servers, err := startServers(dir, copies)
	defer func() {
		for _, s := range servers {
			s.Shutdown()
			s.WaitForShutdown()
		}
	}()
	if err != nil {
		return 0, 0, err
	}
	nc, err := nats.Connect(servers[0].ClientURL())
	if err != nil {
		return 0, 0, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(costsAhead))
	if err != nil {
		return 0, 0, err
	}
	if err := makeStream(ctx, js, copies); err != nil {
		return 0, 0, err
	}
	began, used := time.Now(), processCPU()
	for range messages {
		if _, err := js.PublishAsync("costs.one", benchData(), jetstream.WithStallWait(costsReady)); err != nil {
			return 0, 0, err
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	}
	took := time.Since(began)
	s, err := js.Stream(ctx, "COSTS")
	if err != nil {
		return 0, 0, err
	}
	if have := s.CachedInfo().State.Msgs; have != uint64(messages) {
		return 0, 0, fmt.Errorf("of %d messages %d were stored", messages, have)
	}
	return perDelivery(processCPU()-used, messages), float64(messages) / took.Seconds(), nil
}

// startServers starts servers that know one another. Those that were started are
// returned with an error too.
func startServers(dir string, n int) (servers []*server.Server, err error) {
	var routes string
	for i := range n {
		o := &server.Options{
			ServerName: fmt.Sprintf("costs-%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT,
			JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint(i)), NoLog: true, NoSigs: true,
		}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "costs", Host: "127.0.0.1", Port: server.RANDOM_PORT}
			o.Routes = server.RoutesFromStr(routes)
		}
		s, err := server.NewServer(o)
		if err != nil {
			return servers, err
		}
		s.Start()
		servers = append(servers, s)
		if !s.ReadyForConnections(costsReady) {
			return servers, errors.New("a server of the measurement does not start")
		}
		if i == 0 && n > 1 {
			routes = "nats-route://" + s.ClusterAddr().String()
		}
	}
	return servers, nil
}

// makeStream makes one once there is a leader for it.
func makeStream(ctx context.Context, js jetstream.JetStream, copies int) error {
	for began := time.Now(); ; {
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "COSTS", Subjects: []string{"costs.*"}, Replicas: copies, Storage: jetstream.FileStorage})
		if err == nil || time.Since(began) > costsReady {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(heldPoll):
		}
	}
}
