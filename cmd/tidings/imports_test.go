package main_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tidings-dev/tidings"

// What a row may name outside the module. The standard library is free to all.
const (
	cloudEvents = "github.com/cloudevents/sdk-go/..."
	jsonSchema  = "github.com/santhosh-tekuri/jsonschema/..."
	natsClient  = "github.com/nats-io/nats.go/..."
	natsServer  = "github.com/nats-io/nats-server/..."
	otelAll     = "go.opentelemetry.io/..."
	anything    = "..."
)

var (
	// The API of OpenTelemetry. Its SDK and exporters are telemetry's alone.
	otelAPI = []string{
		"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/attribute/...", "go.opentelemetry.io/otel/baggage",
		"go.opentelemetry.io/otel/codes", "go.opentelemetry.io/otel/log/...", "go.opentelemetry.io/otel/metric/...",
		"go.opentelemetry.io/otel/propagation", "go.opentelemetry.io/otel/semconv/...", "go.opentelemetry.io/otel/trace/...",
	}
	// Events are CloudEvents (schemas.Event is the SDK's type), so whoever
	// handles events may use the SDK's words.
	pipe = slices.Concat(otelAPI, []string{cloudEvents, natsClient, "golang.org/x/sync/...", "golang.org/x/time/..."})
)

// importRule is one row of the table: what the packages of a folder may import.
// "a/..." means a and all below it. The longest row that matches a package's
// folder counts.
type importRule struct {
	folder  string
	module  []string // folders of this module
	outside []string // beside the standard library
}

// importRules is who may import whom. A new folder needs a row here, so that
// somebody thinks about it.
var importRules = []importRule{
	{"schemas/...", []string{"schemas/..."}, []string{cloudEvents, jsonSchema, "github.com/go-json-experiment/json/jsontext"}},
	{"schemas/tracing", []string{"schemas"}, otelAPI},
	{"schemas/tracing/tracingtest", []string{"schemas", "schemas/tracing"}, []string{otelAll}},
	{"schemas/crash", nil, nil},
	{"schemas/fault", nil, nil},

	// The stages. They meet only at subjects: none has another in its row.
	{"producers/...", []string{"schemas/...", "producers/..."}, pipe},
	{"producers/ingest", []string{"schemas/..."}, []string{cloudEvents}}, // a door for HTTP, not a publisher
	{"fanout/...", []string{"schemas/...", "fanout/..."}, pipe},
	{
		"fanout/filter",
		[]string{"schemas/..."},
		[]string{cloudEvents, jsonSchema, "cel.dev/cel-go/...", "github.com/antlr/antlr4/runtime/Go/antlr", "github.com/goccy/go-yaml"}, // YAML in tests: the specification's kit
	},
	{"dispatcher/...", []string{"schemas/...", "dispatcher/..."}, pipe},

	// The dispatcher's leaves know the vocabulary and their own trade.
	{"dispatcher/retry", []string{"schemas/..."}, nil},
	{"dispatcher/flow", []string{"schemas/..."}, nil},
	{"dispatcher/keyed", nil, nil},
	{"dispatcher/ecmascript", []string{"schemas/..."}, nil},
	{"dispatcher/signing", []string{"schemas/...", "dispatcher/ecmascript"}, []string{"golang.org/x/crypto/..."}},
	{"dispatcher/handshake", []string{"schemas/..."}, []string{cloudEvents}}, // the SDK in tests: it answers handshakes
	{"dispatcher/egress", []string{"schemas/...", "dispatcher/egress/h1"}, []string{"golang.org/x/net/..."}},
	{"dispatcher/egress/h1", nil, nil},
	{
		"dispatcher/dialect",
		[]string{"schemas/...", "dispatcher/ecmascript", "dispatcher/signing", "dispatcher/retry"},
		[]string{cloudEvents, "github.com/google/uuid"},
	},

	// The stages are here for their Options types.
	{"config", []string{"schemas/...", "producers/...", "fanout/...", "dispatcher/...", "config/seal"}, []string{"github.com/goccy/go-yaml/...", "github.com/spf13/pflag"}},
	{"config/...", []string{"schemas/...", "config/streams"}, slices.Concat(pipe, []string{"golang.org/x/crypto/..."})},
	{"config/registry", []string{"schemas/...", "config/streams", "config/seal", "config/registry/sealed", "config/registry/picture"}, pipe}, // the picture in tests: it shows what a watcher feeds
	{"config/registry/picture", []string{"schemas/...", "config/registry"}, nil},
	{"config/registry/backup", []string{"schemas/...", "config/registry", "config/seal"}, []string{natsClient}}, // the last two in tests: what was restored works
	{"config/registry/sealed", []string{"schemas/...", "config/seal"}, nil},
	// What snapshots of JetStream are is read by the server's own reader. The broker in tests: an empty server.
	{"config/saved", []string{"schemas/...", "config/registry", "config/registry/backup", "config/broker", "config/streams", "dispatcher/direct"}, []string{natsClient, "github.com/nats-io/nats-server/v2/server/archive", "github.com/klauspost/compress/s2"}},
	// The API gets what it may not import as functions. The JSON Schema library
	// judges its answers in tests.
	{"config/api", []string{"schemas/...", "config/api/document", "config/streams", "config/registry/...", "config/access", "config/seal", "config/deliverylog", "config/replay", "config/erasure", "config/audit"}, slices.Concat(pipe, []string{"github.com/goccy/go-yaml/...", jsonSchema})},
	{"config/access", []string{"schemas/...", "config/seal"}, []string{"golang.org/x/time/..."}},
	{"config/audit", []string{"schemas/...", "dispatcher/direct"}, []string{natsClient}},
	{"config/broker", []string{"schemas/...", "config/streams"}, []string{natsClient, natsServer, "github.com/nats-io/nkeys"}},
	{"config/heap", nil, nil},
	{"config/console", []string{"schemas"}, nil}, // the vocabulary in tests: the pages have words for all of it
	{"config/quota", []string{"schemas/...", "config/access"}, []string{"golang.org/x/sync/..."}},
	{"config/streams/streamstest", []string{"schemas/...", "config/streams", "config/broker"}, []string{natsClient}},
	{"config/announce", []string{"schemas/..."}, []string{natsClient}},
	{"config/replay", []string{"schemas/...", "config/registry", "config/seal"}, []string{"golang.org/x/time/..."}},
	// Streams are read by subject and time as the dispatcher does: direct is a leaf.
	{"config/retention", []string{"schemas/...", "config/deliverylog", "dispatcher/direct"}, []string{natsClient}},
	{"config/erasure", []string{"schemas/...", "config/registry", "config/seal", "config/deliverylog", "config/retention", "dispatcher/direct"}, []string{natsClient}},
	{"config/journal", []string{"schemas/..."}, []string{natsClient}},
	{
		"config/deliverylog",
		[]string{"schemas/...", "config/streams", "config/broker"}, // the broker in tests: a process of its own connects to it
		[]string{natsClient, "modernc.org/sqlite", "github.com/jackc/pgx/...", "github.com/go-json-experiment/json/..."},
	},
	{"config/api/roam", []string{"schemas/...", "config/registry", "config/access", "config/audit", "config/seal"}, []string{"github.com/google/uuid"}},
	{"config/telemetry/sampling", []string{"schemas/tracing"}, []string{otelAll}}, // decides what spans the SDK keeps
	{"config/live", []string{"schemas/..."}, []string{natsClient}},
	{"config/lag", []string{"schemas/..."}, []string{natsClient}},
	{"config/telemetry", []string{"schemas/...", "config/telemetry/sampling"}, []string{otelAll, "github.com/prometheus/...", "google.golang.org/grpc/...", "google.golang.org/protobuf/..."}}, // the last two in tests: they receive OTLP

	{"cmd/...", []string{anything}, []string{anything}},
	// A process has all stages. Its tests hold the model of simulate to it.
	{"cmd/tidings/pipe", []string{"schemas/...", "producers/...", "fanout/...", "dispatcher/...", "config/...", "cmd/tidings/simulate/model", "cmd/tidings/usage"}, slices.Concat(pipe, []string{"go.opentelemetry.io/otel/sdk/...", "github.com/nats-io/jwt/...", "github.com/nats-io/nkeys"})}, // the last ones in tests
	{
		"cmd/tidings/listen",
		[]string{
			"schemas", "dispatcher/signing", "cmd/tidings/cli/...", "cmd/tidings/client", "cmd/tidings/usage",
			"cmd/tidings/pipe", "config", "config/access", "config/registry", "config/deliverylog", "producers", // in tests: a pipe to listen to
		},
		[]string{cloudEvents, "github.com/spf13/cobra"},
	},
	{"cmd/tidings/demo", []string{"schemas", "producers/...", "fanout", "dispatcher", "dispatcher/signing", "config", "config/access", "cmd/tidings/pipe", "cmd/tidings/usage"}, []string{"github.com/spf13/cobra"}},
	{"cmd/tidings/keys", []string{"schemas", "config/seal"}, []string{"github.com/nats-io/nkeys"}},
	{"cmd/tidings/client", []string{"schemas"}, []string{"github.com/google/uuid"}}, // whoever calls the API needs no more
	{"cmd/tidings/near", nil, nil},
	{
		"cmd/tidings/simulate",
		[]string{"schemas", "cmd/tidings/simulate/...", "cmd/tidings/usage", "cmd/tidings/cli/show", "config", "dispatcher/dialect", "dispatcher/flow"}, // the last three in tests: the defaults are the product's
		[]string{"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/goccy/go-yaml"},
	},
	{"cmd/tidings/simulate/calibration", nil, nil},
	{"cmd/tidings/simulate/capacity", []string{"cmd/tidings/simulate/calibration"}, nil},
	{"cmd/tidings/simulate/model", []string{"schemas", "dispatcher/flow", "dispatcher/retry"}, nil}, // what decides is the product's
	{"cmd/tidings/caret", nil, nil},
	{"cmd/tidings/usage", []string{"schemas", "cmd/tidings/client"}, []string{"github.com/spf13/cobra"}},
	{
		"cmd/tidings/cli",
		[]string{
			"schemas/...", "cmd/tidings/cli/...", "cmd/tidings/client", "cmd/tidings/usage", "cmd/tidings/near", "cmd/tidings/caret",
			"config", "config/broker", "config/registry/backup", "config/saved", "config/deliverylog",
		},
		[]string{natsClient, "github.com/google/uuid", "github.com/spf13/cobra", "github.com/spf13/pflag"},
	},
	{
		"cmd/tidings/cli/call",
		[]string{
			"schemas/...", "cmd/tidings/cli/show", "cmd/tidings/cli/setting", "cmd/tidings/cli/contexts",
			"cmd/tidings/client", "cmd/tidings/usage", "cmd/tidings/near", "cmd/tidings/caret", "config",
		},
		[]string{"github.com/spf13/cobra", "github.com/spf13/pflag"},
	},
	{"cmd/tidings/cli/show", []string{"cmd/tidings/client"}, nil},
	{"cmd/tidings/cli/feed", []string{"schemas"}, []string{cloudEvents}},
	{"cmd/tidings/cli/setting", []string{"cmd/tidings/usage", "cmd/tidings/caret"}, nil},
	{"cmd/tidings/cli/contexts", nil, []string{"github.com/goccy/go-yaml"}},
}

// testImports is what tests, and packages of test helpers, may import beyond
// their folder's row. From this module they get every helper package as well.
var testImports = []string{
	natsClient,
	natsServer,
	"github.com/google/go-cmp/...",
	"go.uber.org/goleak",
	"github.com/rogpeppe/go-internal/testscript/...",
	"github.com/chromedp/...",                            // a browser sees the console
	"github.com/standard-webhooks/standard-webhooks/...", // the reference library signatures are checked against
}

// bannedFolders say nothing about what is in them.
var bannedFolders = []string{"internal", "pkg", "util", "utils", "common", "models", "types"}

// moduleRoot is the nearest folder above with a go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod in any folder above")
		}
		dir = parent
	}
}

// TestImportTable reads every Go file of the module and holds it to the table.
func TestImportTable(t *testing.T) {
	root := os.DirFS(moduleRoot(t))
	ignored := ignoredEntries(t, root)
	files := 0
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != ".":
			if strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || ignored(name) {
				return fs.SkipDir
			}
			if err := checkFolder(name); err != nil {
				t.Error(err)
			}
		case path.Ext(name) == ".go" && !strings.HasPrefix(entry.Name(), "."):
			files++
			checkFile(t, root, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 2 {
		t.Errorf("read %d Go files: the walk misses the module", files)
	}
}

func checkFile(t *testing.T, root fs.FS, name string) {
	t.Helper()
	source, err := fs.ReadFile(root, name)
	if err != nil {
		t.Error(err)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Errorf("%s: import %s: %v", name, spec.Path.Value, err)
			continue
		}
		if err := checkImport(name, imported); err != nil {
			t.Errorf("%s imports %s: %v", name, imported, err)
		}
	}
}

// TestImportTableCanFail shows the checker made-up imports.
func TestImportTableCanFail(t *testing.T) {
	const us = module + "/"
	cases := []struct {
		file, imported string
		ok             bool
	}{
		{"schemas/event.go", "net/url", true},
		{"schemas/event.go", "github.com/cloudevents/sdk-go/v2/event", true},
		{"schemas/catalogue.go", "github.com/santhosh-tekuri/jsonschema/v6", true},
		{"schemas/event.go", "github.com/nats-io/nats.go", false},
		{"schemas/event.go", "go.opentelemetry.io/otel/trace", false},
		{"schemas/tracing/tracer.go", "go.opentelemetry.io/otel/trace", true},
		{"schemas/tracing/tracer.go", "go.opentelemetry.io/otel/sdk/trace", false},
		{"schemas/tracing/tracingtest/recorder.go", "go.opentelemetry.io/otel/sdk/trace", true},
		{"schemas/event.go", us + "config/streams", false},
		{"schemas/event_test.go", us + "fanout", false},
		{"schemas/event_test.go", "github.com/google/go-cmp/cmp", true},
		{"schemas/event.go", "github.com/google/go-cmp/cmp", false},

		{"producers/users/users.go", us + "producers", true},
		{"producers/publisher.go", us + "fanout", false},
		{"producers/publisher.go", us + "schemasmore", false},
		{"fanout/consume.go", us + "dispatcher/retry", false},
		{"fanout/consume.go", us + "config/streams", false},
		{"fanout/consume.go", "github.com/nats-io/nats.go/jetstream", true},
		{"fanout/consume.go", "github.com/nats-io/nats-server/v2/server", false},
		{"fanout/consume.go", "go.opentelemetry.io/otel/metric", true},
		{"fanout/consume.go", "go.opentelemetry.io/otel/sdk/metric", false},
		{"fanout/consume.go", us + "fanout/fanouttest", false},
		{"fanout/consume_test.go", us + "config/streams/streamstest", true},
		{"fanout/consume_test.go", us + "dispatcher/dispatchertest", true},
		{"fanout/consume_test.go", us + "dispatcher", false},
		{"dispatcher/dispatchertest/receiver.go", us + "config/streams/streamstest", true},
		{"dispatcher/window_test.go", "github.com/nats-io/nats-server/v2/server", true},
		{"dispatcher/window.go", us + "dispatcher/egress", true},
		{"dispatcher/retry/schedule.go", us + "dispatcher", false},
		{"dispatcher/retry/schedule_test.go", us + "dispatcher/retry", true},
		{"dispatcher/signing/verify.go", "github.com/standard-webhooks/standard-webhooks/libraries/go", false},
		{"dispatcher/signing/verify_test.go", "github.com/standard-webhooks/standard-webhooks/libraries/go", true},

		{"config/options.go", us + "dispatcher", true},
		{"config/options.go", us + "config/api", false},
		{"config/registry/watch.go", us + "config/streams", true},
		{"config/registry/watch.go", us + "config/api", false},
		{"config/members/members.go", "github.com/nats-io/nats.go/jetstream", true},
		{"config/members/members.go", us + "dispatcher", false},
		{"config/telemetry/metrics.go", "go.opentelemetry.io/otel/sdk/metric", true},
		{"config/api/server.go", "go.opentelemetry.io/otel/sdk/metric", false},
		{"config/api/server.go", "modernc.org/sqlite", false},

		{"cmd/tidings/main.go", us + "config/api", true},
		{"cmd/tidings/main.go", "github.com/spf13/cobra", true},
		{"cmd/tidings/main_test.go", us + "fanout", true},
		{"cmd/tidings/main.go", us + "deploy/helm", false},
		{"config/api/server.go", us + "cmd/tidings", false},
		{"helpers/strings.go", "strings", false},
		{"fanout/consume.go", module, false},
	}
	for _, c := range cases {
		if err := checkImport(c.file, c.imported); (err == nil) != c.ok {
			t.Errorf("%s imports %s: got %v, want allowed %t", c.file, c.imported, err, c.ok)
		}
	}
	for folder, ok := range map[string]bool{"fanout/internal": false, "schemas/types": false, "config/streams": true} {
		if err := checkFolder(folder); (err == nil) != ok {
			t.Errorf("folder %s: got %v, want allowed %t", folder, err, ok)
		}
	}
}
