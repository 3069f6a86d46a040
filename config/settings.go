package config

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/schemas"
)

// Role is a part of the pipe that a process plays.
type Role string

const (
	RoleFanout     Role = "fanout"     // events → deliveries
	RoleDispatcher Role = "dispatcher" // deliveries → attempts
	RoleAPI        Role = "api"        // owns the configuration: applies tidings.yaml
)

// Roles are all of them, in the order of the pipe.
func Roles() []Role { return []Role{RoleFanout, RoleDispatcher, RoleAPI} }

// Settings is what one process is told. [Settings.Bind] gives the defaults.
type Settings struct {
	// DataDir keeps the embedded broker's streams.
	DataDir string
	// HTTPAddr serves health, and in the role api the API and the console; empty serves
	// nothing.
	HTTPAddr string
	// Roles are "all" or names of roles.
	Roles []string
	// ConfigFile is a tidings.yaml, or empty.
	ConfigFile string
	NATS       NATS
	Streams    Streams
	// LogDatabase is where the delivery log is searched: a PostgreSQL URL or the path of
	// an SQLite file; empty for log.db in DataDir.
	LogDatabase string
	Egress      Egress
	// Origin is the DNS name by which receivers are asked for their consent.
	Origin string
	// PublicURL is where receivers reach HTTPAddr; empty if they do not.
	PublicURL string
	// SecretsKeyFile and AdminTokenFile hold what [Settings.Keyring] and
	// [Settings.AdminToken] return.
	SecretsKeyFile string
	AdminTokenFile string
	API            API
	Console        Console
	// Quota is for what tenants' own quotas leave out.
	Quota schemas.Quota
	// Grace is how long work under way may go on at shutdown.
	Grace time.Duration
	// MaxRequests is how many requests a dispatcher makes at once before each endpoint has
	// an even share of them; 0 asks for as many as the process may well have.
	MaxRequests int
	Log         Log
	Metrics     Metrics
	// TraceTrust is how much producers' sampling counts: "fleet" or "nobody".
	TraceTrust string
}

// API is how often one token may call the HTTP API. Zero values ask for the
// defaults.
type API struct {
	Rate  schemas.Rate // 100/s by default
	Burst int          // how many requests may come at once, 200 by default
}

var apiDefaults = API{Rate: schemas.Rate{Count: 100, Per: time.Second}, Burst: 200}

// Limits are the rate in requests a second, and the burst.
func (a API) Limits() (perSecond float64, burst int) {
	rate := cmp.Or(a.Rate, apiDefaults.Rate)
	return float64(rate.Count) / rate.Per.Seconds(), cmp.Or(a.Burst, apiDefaults.Burst)
}

// NATS is where the broker is.
type NATS struct {
	URL       string // of an external server or cluster; empty for the embedded one
	Listen    string // where the embedded one listens for other processes
	Users     string // file of who may connect to the embedded one
	Creds     string
	NKey      string
	CA        string
	Cert      string
	Key       string
	Inbox     string // where an external one's answers are heard; see [Settings.Inbox]
	SyncFiles bool
}

// Streams is how events and deliveries are stored.
type Streams struct {
	Replicas     int
	Partitions   int
	Shards       int
	EventsMaxAge time.Duration
	DeadMaxAge   time.Duration
	LogMaxAge    time.Duration
	AuditMaxAge  time.Duration
	LogMaxBytes  int64 // 0 for no bound
	DedupWindow  time.Duration
}

// Log is how the process speaks to its operator.
type Log struct {
	Format string // "text" or "json"
	Level  string // "debug", "info", "warn" or "error"
}

// Bind makes the settings flags of a command, with their defaults.
func (s *Settings) Bind(f *pflag.FlagSet) {
	f.StringVar(&s.DataDir, "data-dir", "./data", "folder of the embedded broker's streams")
	f.StringVar(&s.LogDatabase, "log-database", "", "where the role api makes the delivery log searchable: a PostgreSQL URL (postgres://…) or the path of an SQLite file; empty for log.db in --data-dir")
	f.StringVar(&s.HTTPAddr, "http-addr", "127.0.0.1:8080", "address of the API, the console, /healthz, /readyz and, as --metrics-addr says, /metrics: all of them in the role api, without API and console in others; port 0 picks a free one, empty serves none")
	f.StringSliceVar(&s.Roles, "roles", []string{"all"}, "what this process does: all, or some of fanout,dispatcher,api")
	f.StringVar(&s.ConfigFile, "config", "", "static file of tenants, endpoints, subscriptions and tokens (tidings.yaml); applied by the role api")
	f.StringVar(&s.Origin, "origin", "tidings", "DNS name by which receivers with a handshake are asked for their consent")
	f.StringVar(&s.PublicURL, "public-url", "", "where receivers reach --http-addr, like https://hooks.example.com; offered to them for a later consent")
	f.StringVar(&s.SecretsKeyFile, "secrets-key-file", "", "keys that seal the secrets in the registry, one a line, the newest first; also the keys themselves as TIDINGS_SECRETS_KEY; with the embedded broker by default secrets.key in --data-dir, which is made")
	f.StringVar(&s.AdminTokenFile, "admin-token-file", "", "file of an administrator's token, of at least 20 characters; also the token itself as TIDINGS_ADMIN_TOKEN")
	f.TextVar(&s.API.Rate, "api-rate", apiDefaults.Rate, "requests to the API that one token may make, like 100/s or 600/m")
	f.IntVar(&s.API.Burst, "api-burst", apiDefaults.Burst, "requests to the API that one token may make at once")
	f.DurationVar(&s.Grace, "grace", 20*time.Second, "how long attempts under way may go on at shutdown")
	f.IntVar(&s.MaxRequests, "max-requests", 0, "requests that the role dispatcher makes at once before each endpoint has an even share of them, half as many again at most; 0 for half of the files that it may have open, 16384 at most")
	f.StringVar(&s.Log.Format, "log-format", "text", "text or json")
	f.StringVar(&s.Log.Level, "log-level", "info", "debug, info, warn or error")
	s.Console.bind(f)
	s.Metrics.bind(f)
	f.StringVar(&s.TraceTrust, "trace-trust", "fleet", "which events have spans, where spans are exported: fleet, as their producers have sampled, within OTEL_TRACES_SAMPLER; nobody, by that alone")
	s.NATS.bind(f)
	s.Streams.bind(f)
	s.Egress.bind(f)
	s.bindQuota(f)
}

// bind makes the broker settings flags of a command.
func (n *NATS) bind(f *pflag.FlagSet) {
	n.BindRemote(f, "")
	f.StringVar(&n.Listen, "nats-listen", "127.0.0.1:4222", "where the embedded broker listens for other processes; empty for nowhere, port 0 for a free one; beyond loopback only with --nats-users")
	f.StringVar(&n.Users, "nats-users", "", "file that says who may connect to the embedded broker, and its TLS: accounts, system_account and tls in nats-server's language, like deploy/nats/accounts.conf; empty lets in whoever is on this machine")
	f.BoolVar(&n.SyncFiles, "sync-always", false, "embedded broker: fsync each write, so that a power loss loses nothing either (much slower)")
}

// BindRemote makes what reaches an external broker flags of a command. Url is where it
// is by default; empty if that is the embedded one.
func (n *NATS) BindRemote(f *pflag.FlagSet, url string) {
	where := "NATS server or cluster, like nats://a:4222,nats://b:4222"
	if url == "" {
		where += "; empty for the embedded broker"
	}
	f.StringVar(&n.URL, "nats-url", url, where)
	f.StringVar(&n.Creds, "nats-creds", "", "credentials file (JWT and seed) for --nats-url")
	f.StringVar(&n.NKey, "nats-nkey", "", "NKey seed file for --nats-url")
	f.StringVar(&n.CA, "nats-ca", "", "PEM file of the authority that signed the servers' certificates")
	f.StringVar(&n.Cert, "nats-cert", "", "PEM file of this client's certificate")
	f.StringVar(&n.Key, "nats-key", "", "PEM file of this client's key")
	f.StringVar(&n.Inbox, "nats-inbox-prefix", "", "first part of the subjects at which answers of --nats-url are heard, which its user must have the right to subscribe to; empty for _INBOX, or in tidings run for _INBOX. and the --roles: _INBOX.api, _INBOX.fanout-dispatcher, _INBOX.all")
}

func (s *Streams) bind(f *pflag.FlagSet) {
	f.IntVar(&s.Replicas, "replicas", 1, "copies of each stream: 1, or 3 on a cluster")
	f.IntVar(&s.Partitions, "partitions", 32, "lanes in which the work is shared; fixed once the streams exist")
	f.IntVar(&s.Shards, "shards", 4, "delivery streams; fixed once the streams exist")
	f.DurationVar(&s.EventsMaxAge, "events-max-age", 7*24*time.Hour, "how long events are kept for replay, may wait for fanout, and large ones for their endpoints")
	f.DurationVar(&s.DeadMaxAge, "dead-max-age", 30*24*time.Hour, "how long dead letters are kept")
	f.DurationVar(&s.LogMaxAge, "log-max-age", 30*24*time.Hour, "how long the delivery log is kept")
	f.DurationVar(&s.AuditMaxAge, "audit-max-age", 400*24*time.Hour, "how long it is kept who changed what over the API")
	f.Int64Var(&s.LogMaxBytes, "log-max-bytes", 16<<30, "how much of the delivery log is kept in NATS, looked at every 10 minutes by the role api: the oldest goes first; 0 for no bound")
	f.DurationVar(&s.DedupWindow, "dedup-window", 2*time.Minute, "how late a publish may be repeated and still be stored once")
}

// FromEnvironment sets each flag that the command line left alone from its
// variable, if there is one: --http-addr from TIDINGS_HTTP_ADDR.
func FromEnvironment(f *pflag.FlagSet) error {
	var err error
	f.VisitAll(func(flag *pflag.Flag) {
		name := "TIDINGS_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || flag.Changed || err != nil {
			return
		}
		if setErr := f.Set(flag.Name, value); setErr != nil {
			err = schemas.Errorf(schemas.CodeInvalid, "environment variable %s: %w", name, setErr)
		}
	})
	return err
}

// Has reports whether the process plays a role.
func (s *Settings) Has(r Role) bool {
	return slices.Contains(s.Roles, "all") || slices.Contains(s.Roles, string(r))
}

// Whole reports whether the process plays all roles.
func (s *Settings) Whole() bool {
	return !slices.ContainsFunc(Roles(), func(r Role) bool { return !s.Has(r) })
}

// Inbox begins the subjects at which this process hears the answers of an
// external broker: by default one of its roles' own, so that the users of other
// roles need no right to hear them.
func (s *Settings) Inbox() string {
	if s.NATS.Inbox != "" {
		return s.NATS.Inbox
	}
	var roles []string
	for _, r := range Roles() {
		if s.Has(r) {
			roles = append(roles, string(r))
		}
	}
	if s.Whole() {
		roles = []string{"all"}
	}
	return "_INBOX." + strings.Join(roles, "-")
}

// Validate names the setting that is wrong.
func (s *Settings) Validate() error {
	if len(s.Roles) == 0 {
		return schemas.Errorf(schemas.CodeInvalid, "--roles is empty: use all, or some of fanout,dispatcher,api")
	}
	for _, r := range s.Roles {
		if r != "all" && !slices.Contains(Roles(), Role(r)) {
			return schemas.Errorf(schemas.CodeInvalid, "--roles: %q is none: use all, or some of fanout,dispatcher,api", r)
		}
	}
	if s.ConfigFile != "" && !s.Has(RoleAPI) {
		return schemas.Errorf(schemas.CodeInvalid, "--config is applied by the role api, which --roles leaves out: give it to the process that has it")
	}
	if s.NATS.Users != "" && s.NATS.URL != "" {
		return schemas.Errorf(schemas.CodeInvalid, "--nats-users is for the embedded broker, and --nats-url is set: the server there has users of its own")
	}
	if s.Streams.LogMaxBytes < 0 {
		return schemas.Errorf(schemas.CodeInvalid, "--log-max-bytes %d: use 1 or more, or 0 for no bound", s.Streams.LogMaxBytes)
	}
	if s.MaxRequests < 0 {
		return schemas.Errorf(schemas.CodeInvalid, "--max-requests %d: use 1 or more, or 0 for as many as the process may well have", s.MaxRequests)
	}
	if s.API.Burst < 0 {
		return schemas.Errorf(schemas.CodeInvalid, "--api-burst %d: use 1 or more", s.API.Burst)
	}
	if err := s.Quota.Validate(); err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "--quota-…: %w", err)
	}
	if err := s.Console.validate(); err != nil {
		return err
	}
	if err := s.Metrics.validate(); err != nil {
		return err
	}
	_, err := s.Egress.Options()
	return err
}
