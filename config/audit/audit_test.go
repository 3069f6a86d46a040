package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

func newLog(t *testing.T) (*audit.Log, *streamstest.Env) {
	t.Helper()
	env := streamstest.Start(t, streamstest.Small())
	l, err := audit.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	return l, env
}

// pages reads all pages of a tenant, and adds to the log between them.
func pages(t *testing.T, l *audit.Log, tenant schemas.TenantID, limit int) (objects []string) {
	t.Helper()
	for cursor, first := "", true; first || cursor != ""; first = false {
		entries, next, err := l.Page(t.Context(), tenant, time.Time{}, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) > limit {
			t.Errorf("a page of %d", len(entries))
		}
		for _, e := range entries {
			objects = append(objects, e.Object)
		}
		cursor = next
		if err := l.Add(t.Context(), audit.Entry{Tenant: tenant, Object: "later"}); tenant != audit.Everything && err != nil {
			t.Fatal(err)
		}
	}
	return objects
}

func TestNewestFirst(t *testing.T) {
	l, _ := newLog(t)
	if got := pages(t, l, "globex", 10); got != nil {
		t.Errorf("an empty log has %q", got)
	}
	var want []string
	for i := range 300 {
		tenant := schemas.TenantID("acme")
		if i%7 == 0 {
			tenant = [...]schemas.TenantID{"globex", ""}[i%2]
		}
		e := audit.Entry{Token: "tok_a", Tenant: tenant, Object: fmt.Sprint(i), Fields: []string{"url"}}
		if tenant == "acme" {
			want = append([]string{e.Object}, want...)
		}
		if err := l.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{1000, 50, 7} {
		got := pages(t, l, "acme", limit)
		for len(got) > 0 && got[0] == "later" {
			got = got[1:]
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("by %d: got %q, want %q", limit, got, want)
		}
	}
	if got := pages(t, l, audit.Everything, 50); len(got) < 300 || got[len(got)-1] != "later" && got[len(got)-1] != "0" {
		t.Errorf("all tenants have %d entries, the first of %q", len(got), got)
	}
}

// What is in the log cannot be taken out of it.
func TestEntriesStay(t *testing.T) {
	l, env := newLog(t)
	if err := l.Add(t.Context(), audit.Entry{Tenant: "acme", Object: "kept"}); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), schemas.StreamAudit)
	if err != nil {
		t.Fatal(err)
	}
	if s.DeleteMsg(t.Context(), 1) == nil || s.Purge(t.Context()) == nil {
		t.Error("an entry was removed")
	}
	if got := pages(t, l, "acme", 1); len(got) != 1 || got[0] != "kept" {
		t.Errorf("got %q", got)
	}
}

func TestCursor(t *testing.T) {
	l, _ := newLog(t)
	for _, cursor := range []string{"x", "-1", "99999999999999999999", "1.5"} {
		if _, _, err := l.Page(t.Context(), "acme", time.Time{}, cursor, 1); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%s: %v", cursor, err)
		}
	}
	for _, cursor := range []string{"0", "1", "1000000"} {
		if entries, next, err := l.Page(t.Context(), "acme", time.Time{}, cursor, 1); err != nil || len(entries) > 0 {
			t.Errorf("%s: %v, %q, %v", cursor, entries, next, err)
		}
	}
}
