package streams_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/schemas"
)

// TestApplyRefusesAServer has a real server for each thing a server may lack.
func TestApplyRefusesAServer(t *testing.T) {
	for name, row := range map[string]struct {
		server server.Options
		o      streams.Options
		want   string
	}{
		"JetStream is off":   {server.Options{}, streams.Options{}, "JetStream is off on the NATS server"},
		"messages too small": {server.Options{JetStream: true, MaxPayload: 1 << 10}, streams.Options{}, "raise max_payload"},
		"no cluster":         {server.Options{JetStream: true}, streams.Options{Replicas: 3}, "not part of a cluster"},
		"odd replicas":       {server.Options{JetStream: true}, streams.Options{Replicas: 2}, "use 1, or 3"},
		"too many shards":    {server.Options{JetStream: true}, streams.Options{Layout: schemas.Layout{Partitions: 2, Shards: 3}}, "use 1 to the number of partitions, 2"},
		"too little memory of events": {
			server.Options{JetStream: true},
			streams.Options{EventsMaxAge: time.Second, DedupWindow: time.Minute},
			"keep them longer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := row.server
			opts.DontListen, opts.NoSigs, opts.NoLog, opts.StoreDir = true, true, true, t.TempDir()
			s, err := server.NewServer(&opts)
			if err != nil {
				t.Fatal(err)
			}
			go s.Start() // ended below
			defer s.WaitForShutdown()
			defer s.Shutdown()
			if !s.ReadyForConnections(10 * time.Second) {
				t.Fatal("the server does not start")
			}
			nc, err := nats.Connect("", nats.InProcessServer(s))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_, err = streams.Apply(t.Context(), nc, row.o)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v\nwant it to say %q", err, row.want)
			}
		})
	}
}
