package backup_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/backup"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is a registry and its bucket.
type rig struct {
	*streamstest.Env
	bucket *backup.Bucket
	reg    *registry.Registry
}

func newRig(t *testing.T, keys *seal.Keyring) *rig {
	t.Helper()
	env := streamstest.Start(t, streamstest.Small())
	b, err := backup.Open(t.Context(), env.NC)
	check(t, err)
	return &rig{env, b, registry.New(env.Registry, keys)}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keyring(t *testing.T) *seal.Keyring {
	t.Helper()
	keys, err := seal.Parse(seal.NewKey())
	check(t, err)
	return keys
}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// fill makes a tenant with an endpoint, a subscription that reads history, and a
// removed tenant; and what processes keep.
func (r *rig) fill(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	check(t, r.reg.PutTenant(ctx, schemas.Tenant{ID: "acme", Validation: schemas.ValidationReject}))
	check(t, r.reg.PutTenant(ctx, schemas.Tenant{ID: "gone", Validation: schemas.ValidationReject}))
	check(t, r.reg.RemoveTenant(ctx, "gone"))
	check(t, r.reg.PutEndpoint(ctx, schemas.Endpoint{
		ID: "ep_a", Tenant: "acme", URL: "https://example.com/hooks", Dialect: schemas.DialectStandard,
		Secrets: []schemas.Secret{schemas.NewSecret(secret)}, Headers: map[string]schemas.Secret{"X-Key": schemas.NewSecret("k")},
	}))
	check(t, r.reg.PutSubscription(ctx, schemas.Subscription{
		ID: "sub_a", Tenant: "acme", Endpoint: "ep_a", Types: []schemas.TypePattern{"room.*"}, History: &schemas.History{State: schemas.HistoryReading},
	}))
	_, err := r.reg.TenantSecret(ctx, "acme", "roam")
	check(t, err)
}

func (r *rig) write(t *testing.T) (string, backup.Header) {
	t.Helper()
	var b bytes.Buffer
	h, err := r.bucket.Write(t.Context(), &b, func(int) {})
	check(t, err)
	return b.String(), h
}

func (r *rig) restore(t *testing.T, file string, o backup.Options) (backup.Restored, error) {
	t.Helper()
	return r.bucket.Restore(t.Context(), strings.NewReader(file), o)
}

// entries are all that the bucket holds.
func (r *rig) entries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	keys, err := r.Registry.ListKeys(t.Context())
	check(t, err)
	for key := range keys.Keys() {
		e, err := r.Registry.Get(t.Context(), key)
		check(t, err)
		all[key] = string(e.Value())
	}
	return all
}

func (r *rig) wipe(t *testing.T) {
	t.Helper()
	for key := range r.entries(t) {
		check(t, r.Registry.Delete(t.Context(), key))
	}
}

func TestWhatWasWipedComesBack(t *testing.T) {
	keys := keyring(t)
	r := newRig(t, keys)
	r.fill(t)
	before := r.entries(t)
	file, h := r.write(t)
	if h.Count != len(before) || strings.Contains(file, secret) || h.Count < 6 {
		t.Fatalf("header %+v of %d entries, secret is open: %t", h, len(before), strings.Contains(file, secret))
	}
	r.wipe(t)
	done, err := r.restore(t, file, backup.Options{})
	check(t, err)
	if done.Written != h.Count || done.LeftOut != 0 || done.Removed != 0 {
		t.Errorf("restored %+v", done)
	}
	if diff := cmp.Diff(before, r.entries(t)); diff != "" {
		t.Errorf("what came back (-was +is):\n%s", diff)
	}
	e, err := r.reg.Endpoint(t.Context(), "ep_a")
	check(t, err)
	if len(e.Secrets) != 1 || e.Secrets[0].Reveal() != secret || e.Headers["X-Key"].Reveal() != "k" {
		t.Errorf("the secrets of %+v do not open", e)
	}
	if _, err := registry.New(r.Registry, keyring(t)).Endpoint(t.Context(), "ep_a"); !schemas.HasCode(err, schemas.CodeUnavailable) {
		t.Errorf("with another key: %v, want that it misses the key", err)
	}
	check(t, r.reg.DeleteTenant(t.Context(), "acme", registry.AnyVersion)) // finds all that belongs to it
	for key := range r.entries(t) {
		t.Errorf("%s is left of the tenant", key)
	}
}

// TestAnotherStream restores on a machine whose events are others.
func TestAnotherStream(t *testing.T) {
	keys := keyring(t)
	r := newRig(t, keys)
	r.fill(t)
	s, err := r.reg.Subscription(t.Context(), "sub_a")
	check(t, err)
	check(t, r.reg.SetProgress(t.Context(), s, 1000))
	check(t, r.reg.SetHistory(t.Context(), "sub_a", func(h *schemas.History) error {
		h.State, h.Until = schemas.HistoryJoined, 2000
		return nil
	}))
	file, _ := r.write(t)

	other := newRig(t, keys)
	done, err := other.restore(t, file, backup.Options{})
	check(t, err)
	if done.LeftOut != 2 {
		t.Errorf("%d notes are left out, want 2: the progress, and the history", done.LeftOut)
	}
	s, err = other.reg.Subscription(t.Context(), "sub_a")
	check(t, err)
	if s.History != nil || !s.History.Live(1) {
		t.Errorf("the first event of the new stream is not live for %+v", s)
	}
	if _, err := other.Registry.Get(t.Context(), "progress.sub_a"); err == nil {
		t.Error("the progress in the old stream is there")
	}
}

func TestRefused(t *testing.T) {
	r := newRig(t, keyring(t))
	r.fill(t)
	file, h := r.write(t)
	r.wipe(t)
	head, body, _ := strings.Cut(file, "\n")
	with := func(change func(*backup.Header)) string {
		h := h
		change(&h)
		b, err := json.Marshal(h)
		check(t, err)
		return string(b) + "\n" + body
	}
	for name, c := range map[string]struct{ file, want string }{
		"empty":            {"", "no backup of a registry"},
		"another file":     {"tenants:\n  - id: acme\n", "no backup of a registry"},
		"header alone":     {head, "cut short or was altered"},
		"cut in a line":    {file[:len(file)-20], "cut short or was altered"},
		"without its last": {file[:strings.LastIndex(strings.TrimSuffix(file, "\n"), "\n")+1], "cut short or was altered"},
		"altered":          {head + "\n" + strings.Replace(body, "a", "b", 1), "cut short or was altered"},
		"longer":           {file + "{}\n", "cut short or was altered"},
		"another version":  {with(func(h *backup.Header) { h.Version = 2 }), "of the version 2"},
		"another bucket":   {with(func(h *backup.Header) { h.Bucket = "other" }), `the bucket "other"`},
		"another count":    {with(func(h *backup.Header) { h.Count++ }), "its header says"},
	} {
		for _, replace := range []bool{false, true} {
			_, err := r.restore(t, c.file, backup.Options{Replace: replace})
			if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
	if left := r.entries(t); len(left) > 0 {
		t.Errorf("%v was written", left)
	}
}

func TestNotEmpty(t *testing.T) {
	r := newRig(t, keyring(t))
	r.fill(t)
	file, h := r.write(t)
	want := r.entries(t)
	check(t, r.reg.PutTenant(t.Context(), schemas.Tenant{ID: "bolt", Validation: schemas.ValidationWarn}))
	check(t, r.reg.PutTenant(t.Context(), schemas.Tenant{ID: "acme", Validation: schemas.ValidationWarn}))
	was := r.entries(t)
	if _, err := r.restore(t, file, backup.Options{}); !schemas.HasCode(err, schemas.CodeConflict) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("got %v, want that it is not empty", err)
	}
	if diff := cmp.Diff(was, r.entries(t)); diff != "" {
		t.Errorf("it was changed (-was +is):\n%s", diff)
	}
	counts := []int{}
	done, err := r.restore(t, file, backup.Options{Replace: true, Written: func(n, all int) { counts = append(counts, n*100+all) }})
	check(t, err)
	if done.Removed != 1 || done.Written != h.Count || len(counts) != h.Count || counts[0] != 100+h.Count {
		t.Errorf("restored %+v, told %v", done, counts)
	}
	if diff := cmp.Diff(want, r.entries(t)); diff != "" {
		t.Errorf("what was replaced (-want +is):\n%s", diff)
	}
}

// TestWrittenMeanwhile takes backups while each write depends on the one before: a
// state that never was would have a later one without an earlier one.
func TestWrittenMeanwhile(t *testing.T) {
	r := newRig(t, keyring(t))
	const keys = 40
	ctx := t.Context()
	ended := make(chan error, 1)
	put := func(i, round int) error {
		_, err := r.Registry.Put(ctx, fmt.Sprintf("used.tok_%02d", i), fmt.Appendf(nil, "%06d", round))
		return err
	}
	for i := range keys {
		check(t, put(i, 0))
	}
	go func() { // ends by itself
		for round := 1; round <= 50; round++ {
			for i := range keys {
				if err := put(i, round); err != nil {
					ended <- err
					return
				}
			}
		}
		ended <- nil
	}()
	for going := true; going; {
		select {
		case err := <-ended:
			check(t, err)
			going = false
		default:
		}
		r.wantOneRoundAfterAnother(t, keys)
	}
}

// wantOneRoundAfterAnother wants a backup in which no entry is of a later round than
// the one before it.
func (r *rig) wantOneRoundAfterAnother(t *testing.T, keys int) {
	t.Helper()
	file, h := r.write(t)
	lines := strings.Split(strings.TrimSpace(file), "\n")[1:]
	if h.Count != keys || len(lines) != keys {
		t.Fatalf("%d entries, want %d", h.Count, keys)
	}
	first, last := "", ""
	for i, line := range lines {
		var e struct{ Value []byte }
		check(t, json.Unmarshal([]byte(line), &e))
		value := string(e.Value)
		if i == 0 {
			first, last = value, value
		}
		if value > last || value < first && value != previous(first) {
			t.Fatalf("entry %d was written in round %s, after %s and %s: they never were so at once", i, value, first, last)
		}
		last = value
	}
}

func previous(round string) string {
	n, _ := strconv.Atoi(round) // written by this test
	return fmt.Sprintf("%06d", n-1)
}
