package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

// parse is the settings that a command line and the environment give.
func parse(args ...string) (config.Settings, error) {
	var s config.Settings
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	s.Bind(f)
	if err := f.Parse(args); err != nil {
		return s, err
	}
	return s, config.FromEnvironment(f)
}

func TestDefaults(t *testing.T) {
	got, err := parse()
	want := config.Settings{
		DataDir: "./data", HTTPAddr: "127.0.0.1:8080", Roles: []string{"all"}, Origin: "tidings", Grace: 20 * time.Second,
		NATS:    config.NATS{Listen: "127.0.0.1:4222"},
		Streams: config.Streams{Replicas: 1, Partitions: 32, Shards: 4, EventsMaxAge: 168 * time.Hour, DeadMaxAge: 720 * time.Hour, LogMaxAge: 720 * time.Hour, AuditMaxAge: 9600 * time.Hour, LogMaxBytes: 16 << 30, DedupWindow: 2 * time.Minute},
		Console: config.Console{On: true},
		API:     config.API{Rate: schemas.Rate{Count: 100, Per: time.Second}, Burst: 200},
		Log:     config.Log{Format: "text", Level: "info"},
		Metrics: config.Metrics{Endpoints: 10}, TraceTrust: "fleet",
	}
	if len(got.Egress.Allow) == 0 {
		got.Egress.Allow = nil
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("the defaults are not valid: %v", err)
	}
	for _, r := range config.Roles() {
		if !got.Has(r) {
			t.Errorf("by default there is no %s", r)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv("TIDINGS_HTTP_ADDR", "127.0.0.1:9999")
	t.Setenv("TIDINGS_ROLES", "fanout,dispatcher")
	t.Setenv("TIDINGS_EGRESS_ALLOW", "127.0.0.0/8,::1/128")
	t.Setenv("TIDINGS_GRACE", "3s")
	t.Setenv("TIDINGS_PARTITIONS", "8")
	t.Setenv("TIDINGS_SYNC_ALWAYS", "true")
	t.Setenv("TIDINGS_NATS_LISTEN", "")
	t.Setenv("TIDINGS_ORIGIN", "hooks.example.com")
	t.Setenv("TIDINGS_PUBLIC_URL", "https://tidings.example.com")
	t.Setenv("TIDINGS_SOMETHING_ELSE", "x")
	s, err := parse("--partitions", "16", "--data-dir", "/tmp/x")
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case s.HTTPAddr != "127.0.0.1:9999", s.Grace != 3*time.Second, !s.NATS.SyncFiles,
		s.Origin != "hooks.example.com", s.PublicURL != "https://tidings.example.com":
		t.Errorf("the environment is not in %+v", s)
	case s.NATS.Listen != "":
		t.Errorf("a variable that is set and empty left %q", s.NATS.Listen)
	case s.Streams.Partitions != 16, s.DataDir != "/tmp/x":
		t.Errorf("the command line does not come first: %+v", s)
	case !slices.Equal(s.Roles, []string{"fanout", "dispatcher"}), s.Has(config.RoleAPI), !s.Has(config.RoleFanout):
		t.Errorf("roles %q", s.Roles)
	}
	if want := []string{"127.0.0.0/8", "::1/128"}; !slices.Equal(s.Egress.Allow, want) {
		t.Errorf("ranges %q, want %q", s.Egress.Allow, want)
	}
}

func TestABadVariableIsNamed(t *testing.T) {
	for name, value := range map[string]string{"TIDINGS_GRACE": "soon", "TIDINGS_PARTITIONS": "many", "TIDINGS_SYNC_ALWAYS": "perhaps"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			_, err := parse()
			if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "environment variable "+name) || !strings.Contains(err.Error(), value) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string // in the error; "" if there is none
	}{
		{"all", []string{"--roles", "all"}, ""},
		{"each", []string{"--roles", "fanout,dispatcher,api"}, ""},
		{"no role", []string{"--roles", ""}, "--roles"},
		{"unknown role", []string{"--roles", "fanout,cook"}, `--roles: "cook" is none: use all, or some of fanout,dispatcher,api`},
		{"config and all", []string{"--config", "x.yaml"}, ""},
		{"config and api", []string{"--config", "x.yaml", "--roles", "api"}, ""},
		{"config without api", []string{"--config", "x.yaml", "--roles", "fanout"}, "--config is applied by the role api"},
		{"users elsewhere", []string{"--nats-users", "x.conf", "--nats-url", "nats://a:4222"}, "--nats-users is for the embedded broker"},
		{"users here", []string{"--nats-users", "x.conf"}, ""},
		{"burst", []string{"--api-burst", "-1"}, "--api-burst -1: use 1 or more"},
		{"requests", []string{"--max-requests", "-1"}, "--max-requests -1: use 1 or more"},
		{"ranges", []string{"--egress-allow", "127.0.0.0/8, ::1/128"}, ""},
		{"address for a range", []string{"--egress-allow", "127.0.0.1"}, `--egress-allow: "127.0.0.1" is no address range: write it like 127.0.0.0/8`},
		{"name for a range", []string{"--egress-allow", "localhost"}, `--egress-allow: "localhost"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := parse(c.args...)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Validate()
			if c.want == "" && err != nil || c.want != "" && (!schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestInbox(t *testing.T) {
	for roles, want := range map[string]string{
		"all": "_INBOX.all", "api": "_INBOX.api", "dispatcher,fanout": "_INBOX.fanout-dispatcher", "fanout,dispatcher,api": "_INBOX.all",
	} {
		s, err := parse("--roles", roles)
		if err != nil || s.Inbox() != want {
			t.Errorf("--roles %s: %q, %v; want %q", roles, s.Inbox(), err, want)
		}
	}
	if s, err := parse("--roles", "api", "--nats-inbox-prefix", "_HERE"); err != nil || s.Inbox() != "_HERE" {
		t.Errorf("set: %q, %v", s.Inbox(), err)
	}
}
