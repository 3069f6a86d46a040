package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Declarations are the records a static file declares.
type Declarations struct {
	Tenants       []schemas.Tenant
	EventTypes    []schemas.EventType
	Endpoints     []schemas.Endpoint
	Subscriptions []schemas.Subscription
	Tokens        []schemas.Token
}

// ReadFile reads a tidings.yaml, and the files and variables it names. It does
// nothing else, so it may be read again at any time. The error holds [*Mistakes]:
// all that is wrong with it, each with file, line, field, and what to do.
// Nothing of a bad file is returned.
func ReadFile(path string) (Declarations, error) { return readFile(&source{path: path}) }

// CheckOptions are how a file is checked.
type CheckOptions struct {
	// MissingSecrets takes a secret for granted whose variable is not set, or
	// whose file does not exist: where a file is checked, they need not be.
	MissingSecrets bool
}

// CheckFile reads a tidings.yaml as [ReadFile] does, and counts what it declares.
func CheckFile(path string, o CheckOptions) (Counts, error) {
	d, err := readFile(&source{path: path, lenient: o.MissingSecrets})
	return Counts{
		Tenants: len(d.Tenants), Endpoints: len(d.Endpoints), Subscriptions: len(d.Subscriptions),
		Tokens: len(d.Tokens), EventTypes: len(d.EventTypes),
	}, err
}

// Counts are how much a file declares.
type Counts struct {
	Tenants       int `json:"tenants"`
	Endpoints     int `json:"endpoints"`
	Subscriptions int `json:"subscriptions"`
	Tokens        int `json:"tokens"`
	EventTypes    int `json:"event_types"`
}

// String is "2 tenants, 5 endpoints, 7 subscriptions, 3 tokens, 1 event type".
func (c Counts) String() string {
	var words []string
	for _, of := range []struct {
		n    int
		noun string
	}{
		{c.Tenants, "tenant"},
		{c.Endpoints, "endpoint"},
		{c.Subscriptions, "subscription"},
		{c.Tokens, "token"},
		{c.EventTypes, "event type"},
	} {
		if of.n != 1 {
			of.noun += "s"
		}
		words = append(words, strconv.Itoa(of.n)+" "+of.noun)
	}
	return strings.Join(words, ", ")
}

// reading is a static file on its way to declarations.
type reading struct {
	src   *source
	dir   string // what relative names in the file are relative to
	known *catalogue.Catalogue
	seen  map[string]place // ids, and what else may be there once
	d     Declarations
}

func readFile(src *source) (Declarations, error) {
	r := reading{src: src, dir: filepath.Dir(src.path), known: catalogue.New(), seen: map[string]place{}}
	content, err := readFileUpTo(src.path, maxFile)
	if err != nil {
		return Declarations{}, invalid(mistakesOf([]Problem{{File: src.path, Problem: "cannot be read: " + cause(err)}}, 0))
	}
	r.file(src.parse(content))
	if len(src.problems) > 0 {
		return Declarations{}, invalid(mistakesOf(src.problems, src.dropped))
	}
	return r.d, nil
}

func invalid(m *Mistakes) error { return schemas.Errorf(schemas.CodeInvalid, "%w", m) }

// cause is an error of the file system without the name, which stands elsewhere.
func cause(err error) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

func (r *reading) file(p place) {
	// A file that is being written has nothing in it for a moment; to declare
	// nothing takes away all that was declared before.
	known, tenants := p.record("types", "tokens", "tenants"), p.member("tenants")
	if !tenants.given() && !p.member("types").given() && !p.member("tokens").given() {
		p.lacks("tenants; or \"tenants: []\", to remove all that were declared")
	}
	if !known {
		return
	}
	r.types(p.member("types"), "")
	for _, token := range p.member("tokens").items() {
		r.token(token, "")
	}
	for _, tenant := range tenants.items() {
		r.tenant(tenant)
	}
}

func (r *reading) tenant(p place) {
	if !p.record("id", "name", "validation", "quota", "retention", "types", "tokens", "endpoints") {
		p.lacks("at least an id")
		return
	}
	t := schemas.Tenant{
		ID: schemas.TenantID(p.member("id").text()), Name: p.member("name").text(),
		Validation: schemas.Validation(p.member("validation").text()), Quota: p.member("quota").quota(),
		Retention: p.member("retention").retention(),
	}
	if !r.identify(p.member("id"), t.ID.Validate()) {
		t.ID = unknown
	}
	p.blame(t.Validate())
	r.d.Tenants = append(r.d.Tenants, t)
	r.types(p.member("types"), t.ID)
	for _, token := range p.member("tokens").items() {
		r.token(token, t.ID)
	}
	roq := place{}
	for _, endpoint := range p.member("endpoints").items() {
		e := r.endpoint(endpoint, t.ID)
		switch {
		case e.Dialect != schemas.DialectROQ:
		case roq.src == nil:
			roq = endpoint
		default: // which the registry would refuse
			endpoint.member("dialect").refuse("the tenant has another ROQ endpoint at line %d, and ROQ's environments have one URL: leave one of them out, or use another dialect", roq.line)
		}
	}
}

func (p place) quota() (q schemas.Quota) {
	if !p.record("events", "stored_bytes", "endpoints", "held") {
		return q
	}
	q = schemas.Quota{StoredBytes: int64(p.member("stored_bytes").number()), Endpoints: p.member("endpoints").number(), Held: p.member("held").number()}
	if events := p.member("events"); events.given() {
		events.blame(q.Events.UnmarshalText([]byte(events.text())))
	}
	return q
}

func (p place) retention() (r schemas.Retention) {
	if p.record("events", "log") {
		r = schemas.Retention{Events: p.member("events").duration(), Log: p.member("log").duration()}
	}
	return r
}

// unknown takes the place of an id that is missing or wrong. What else is said of
// the record is checked all the same.
const unknown = "unknown"

// identify holds an id to its form, which err is about, and to be the only one.
// It reports whether it is well formed.
func (r *reading) identify(id place, err error) bool {
	if !id.given() {
		id.refuse("is missing: give one, which stays the same")
		return false
	}
	if err != nil {
		id.refuse("%s", err)
		return false
	}
	r.once(id, id.text(), strconv.Quote(id.text())+" is declared twice")
	return true
}

// once refuses what stands in the file before: the later would silently win.
// The key is not shown, unless said has it.
func (r *reading) once(p place, key, said string) {
	if first, again := r.seen[key]; again {
		p.refuse("%s: it is at line %d already; leave one of them out", said, first.line)
		return
	}
	r.seen[key] = p
}

// types reads folders of event types, and makes them known. A type for all
// tenants beside a tenant's own is fine: the own one counts.
func (r *reading) types(p place, tenant schemas.TenantID) {
	for _, item := range p.items() {
		folder := r.path(item.text())
		types, err := catalogue.ReadDir(os.DirFS(folder))
		if err != nil {
			item.refuse("%s: %s", folder, err)
		}
		for _, t := range types {
			own := schemas.EventType{Tenant: tenant, Type: t.Type, Definition: t.Definition()}
			r.d.EventTypes = append(r.d.EventTypes, own)
			r.known.Apply(schemas.Change{EventType: &own})
			r.once(item, "type "+string(tenant)+" "+t.Type, fmt.Sprintf("event type %q is defined twice", t.Type))
		}
	}
}

// path is a name in the file as the process finds it.
func (r *reading) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.dir, name)
}
