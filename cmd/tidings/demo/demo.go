package demo

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	demoTenant = schemas.TenantID("demo")
	// demoSecret is for receivers on this machine alone, and known to all.
	demoSecret = "whsec_dGlkaW5ncy1kZW1vLXNlY3JldC1rbm93bi10by1hbGw="
)

// Command is `tidings demo`.
func Command() *cobra.Command {
	var (
		once bool
		dir  string
	)
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run everything in one process, with demo producers and receivers",
		Long: `Run the whole pipe in one process: producers of five domains, the embedded
JetStream broker, fanout, dispatcher, and HTTP receivers of five dialects that
verify each request. One receiver fails twice before it takes a delivery.

The egress guard, which refuses addresses that are not public, is opened for
127.0.0.0/8: the receivers are on this machine.`,
		Args: usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error { return demo(c.Context(), c.OutOrStdout(), dir, once) },
	}
	c.Flags().StringVar(&dir, "data-dir", "./demo-data", "folder of the broker's streams; kept, and started on again")
	c.Flags().BoolVar(&once, "once", false, "end when the demo events are delivered, instead of waiting for more")
	return c
}

func demo(ctx context.Context, out io.Writer, dir string, once bool) error {
	s := newStory(out)
	receivers, err := startDemoReceivers(s)
	if err != nil {
		return err
	}
	defer receivers.stop()

	p, err := pipe.Start(ctx, demoSettings(dir), slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		pipe.Hooks{Observe: s.attempt})
	if err != nil {
		return err
	}
	defer p.Stop() //nolint:errcheck // what fails at the end is logged
	if err := registerDemo(ctx, p, receivers.url); err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	token, err := demoToken(ctx, p, dir)
	if err != nil {
		return err
	}
	s.begin(p, dir, token)
	events, err := publishDemo(ctx, p, s)
	if err != nil {
		return err
	}
	if err := s.waitForEnds(ctx); err != nil {
		return nil //nolint:nilerr // interrupted by the person who watches
	}
	s.end(events)
	if once {
		return nil
	}
	s.next(p, token)
	return p.Wait(ctx)
}

// demoToken lets who watches call the API as the demo's tenant. It is kept beside the
// data, so that what goes on calling is let in when the demo is started again.
func demoToken(ctx context.Context, p *pipe.Process, dir string) (string, error) {
	file := filepath.Join(dir, "demo.token")
	kept, err := os.ReadFile(file) //nolint:gosec // in the folder that the person has named
	token := strings.TrimSpace(string(kept))
	if err != nil || token == "" {
		token, _ = access.NewToken()
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	return token, p.Registry.PutToken(ctx, schemas.Token{
		ID: "tok_demo", Name: "shown by tidings demo", Scope: schemas.TokenWrite, Tenant: demoTenant, Hash: access.Hash(token),
	})
}

// demoSettings uses the usual ports if they are free.
func demoSettings(dir string) config.Settings {
	return config.Settings{
		DataDir:  dir,
		HTTPAddr: freeAddr("127.0.0.1:8080"),
		NATS:     config.NATS{Listen: freeAddr("127.0.0.1:4222")},
		Roles:    []string{"all"},
		Console:  config.Console{On: true},
		Egress:   config.Egress{Allow: []string{"127.0.0.0/8"}},
		Grace:    2 * time.Second,
	}
}

// freeAddr is the address, or one with any free port if it is taken.
func freeAddr(addr string) string {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		host, _, _ := net.SplitHostPort(addr) // a constant
		return net.JoinHostPort(host, "0")
	}
	_ = l.Close()
	return addr
}

// demoEndpoint is a receiver, and the events it wants.
type demoEndpoint struct {
	name    string
	types   schemas.TypePattern
	dialect schemas.Dialect
}

func demoEndpoints() []demoEndpoint {
	return []demoEndpoint{
		{"users", "user.*", schemas.DialectStandard},
		{"files", "file.*", schemas.DialectROQ},
		{"messages", "message.*", schemas.DialectStandard},
		{"rooms", "room.*", schemas.DialectRelayBox},
		{demoFlaky, "lobby.*", schemas.DialectRoam},
		{"audit", "*.created", schemas.DialectCloudEvents},
	}
}

// demoFlaky is the receiver that fails each delivery twice.
const demoFlaky = "lobbies"

func registerDemo(ctx context.Context, p *pipe.Process, url string) error {
	if err := p.Registry.PutTenant(ctx, schemas.Tenant{ID: demoTenant, Name: "Demo"}); err != nil {
		return err
	}
	second := schemas.Duration(time.Second)
	for _, e := range demoEndpoints() {
		id := schemas.EndpointID("ep_" + e.name)
		err := p.Registry.PutEndpoint(ctx, schemas.Endpoint{
			ID: id, Tenant: demoTenant, Name: e.name, URL: url + "/" + e.name, Dialect: e.dialect,
			Secrets: []schemas.Secret{schemas.NewSecret(demoSecret)},
			Policy:  schemas.Policy{Timeout: 5 * second, Retry: []schemas.Duration{second, 2 * second, 4 * second}},
		})
		if err != nil {
			return err
		}
		err = p.Registry.PutSubscription(ctx, schemas.Subscription{
			ID: schemas.SubscriptionID("sub_" + e.name), Tenant: demoTenant, Endpoint: id, Types: []schemas.TypePattern{e.types},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
