package deliverylog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestTrim(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var old, young []said
		for n := range 1100 { // more than one transaction removes
			e := event(n+1, schemas.EventSummary{ID: fmt.Sprint(n), Subject: "u"}, "ep_a")
			old = append(old, e, attempt(e, "ep_a", 1, schemas.Delivered, schemas.ReasonOK))
		}
		for n := range 10 {
			e := event(3_600_000+n, schemas.EventSummary{ID: fmt.Sprint(n), Subject: "u"}, "ep_a")
			young = append(young, e, attempt(e, "ep_a", 1, schemas.Delivered, schemas.ReasonOK))
		}
		others := traffic(rand.New(rand.NewPCG(1, 1)), 50)
		for i := range others {
			others[i].tenant = "globex"
		}
		put(t, s, append(others, young...)...)
		want := dump(t, s)
		put(t, s, old...)
		removed, err := s.Trim(t.Context(), "acme", began.Add(time.Hour))
		if err != nil || removed != (Removed{1100, 1100, 1100, 4}) { // minutes 0 and 1, of all and of ep_a
			t.Errorf("removed %+v, %v", removed, err)
		}
		wantSame(t, "after the trim", dump(t, s), want)

		ages := map[schemas.TenantID]time.Duration{"acme": time.Hour}
		age := func(tenant schemas.TenantID) time.Duration { return ages[tenant] }
		if removed, err := s.TrimAll(t.Context(), age, began.Add(2*time.Hour)); err != nil || removed.Events != 0 {
			t.Errorf("at the hour: removed %+v, %v", removed, err)
		}
		if removed, err := s.TrimAll(t.Context(), age, began.Add(3*time.Hour)); err != nil || removed.Events != 10 {
			t.Errorf("later: removed %+v, %v", removed, err)
		}
		ages["globex"] = time.Nanosecond
		if _, err := s.TrimAll(t.Context(), age, began.Add(24*time.Hour)); err != nil {
			t.Error(err)
		}
		if left := dump(t, s); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestErase(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var erased, kept []said
		for n := range 250 {
			e := event(n+1, schemas.EventSummary{ID: fmt.Sprint("e", n), Source: "/s", Subject: "gone"}, "ep_a", "ep_b")
			erased = append(erased, e, attempt(e, "ep_a", 1, schemas.Retry, schemas.ReasonTimeout), attempt(e, "ep_a", 2, schemas.Delivered, schemas.ReasonOK))
			e = event(n+1001, schemas.EventSummary{ID: fmt.Sprint("e", n), Source: "/t", Subject: "here"}, "ep_a", "ep_b")
			kept = append(kept, e, attempt(e, "ep_a", 1, schemas.Delivered, schemas.ReasonOK))
		}
		other := event(1, schemas.EventSummary{ID: "e0", Source: "/s", Subject: "gone"}, "ep_a")
		other.tenant = "globex"
		put(t, s, append(kept, other)...)
		want := rows(t, s)
		put(t, s, erased...)
		if removed, err := s.Erase(t.Context(), "acme", Erasure{ID: "e7", Source: "/s"}); err != nil || removed != (Removed{1, 2, 2, 0}) {
			t.Errorf("removed %+v, %v", removed, err)
		}
		if removed, err := s.Erase(t.Context(), "acme", Erasure{Subject: "gone"}); err != nil || removed != (Removed{249, 498, 498, 0}) {
			t.Errorf("removed %+v, %v", removed, err)
		}
		wantSame(t, "after the erasure", rows(t, s), want)
		if removed, err := s.Erase(t.Context(), "acme", Erasure{Subject: "gone"}); err != nil || removed != (Removed{}) {
			t.Errorf("again: removed %+v, %v", removed, err)
		}
		for _, wrong := range []Erasure{{}, {Source: "/s"}} {
			if _, err := s.Erase(t.Context(), "acme", wrong); !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
	})
}

// Who erases at places is told of each transaction before the next begins: one that ends
// there has been told of all that is gone.
func TestEraseAtTells(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var places []schemas.DeliveryID
		for n := range 250 {
			e := event(n+1, schemas.EventSummary{ID: fmt.Sprint("e", n), Source: "/s"}, "ep_a")
			put(t, s, e)
			places = append(places, schemas.NewDeliveryID(e.Event.Accepted, e.Event.Sequence, ""))
		}
		killed := errors.New("killed")
		var told []Removed
		err := s.EraseAt(t.Context(), "acme", places, true, func(r Removed) error {
			told = append(told, r)
			return killed
		})
		if want := []Removed{{100, 100, 0, 0}}; !errors.Is(err, killed) || !slices.Equal(told, want) || len(rows(t, s)) != 300 {
			t.Errorf("told of %+v with %d rows left: %v", told, len(rows(t, s)), err)
		}
		told = nil
		err = s.EraseAt(t.Context(), "acme", places, true, func(r Removed) error {
			told = append(told, r)
			return nil
		})
		if want := []Removed{{100, 100, 0, 0}, {50, 50, 0, 0}}; err != nil || !slices.Equal(told, want) || len(rows(t, s)) != 0 {
			t.Errorf("told of %+v with %d rows left: %v", told, len(rows(t, s)), err)
		}
	})
}

// rows is what names an event or somebody: all but the counts.
func rows(t *testing.T, s *Store) (lines []string) {
	t.Helper()
	for _, line := range dump(t, s) {
		if !strings.HasPrefix(line, "counts ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// What is erased is in none of SQLite's files, wherever it had been in them: rows of all
// sizes come and change, in any order, and pages are split and joined.
func TestErasedFromTheFiles(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 3))
		url := newSQLite(t)
		s := open(t, url)
		var records []said
		for n := range 500 {
			who := "somebody"
			if r.IntN(3) == 0 {
				who = "FORGET-ME"
			}
			at := 1000*r.IntN(1000) + n + 1 // each its own
			e := event(at, schemas.EventSummary{ID: fmt.Sprint(who, ".", n), Source: "/" + who, Type: who + ".type", Subject: who, Trace: who}, "ep_a", "ep_b")
			records = append(records, e)
			for number := range r.IntN(4) {
				a := attempt(e, "ep_a", number+1, schemas.Retry, schemas.ReasonTimeout)
				a.Attempt.Exchange.Body = strings.Repeat(who+" ", r.IntN(500))
				a.Attempt.Attempt.Detail = who
				records = append(records, a)
			}
		}
		r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		for len(records) > 0 {
			n := min(len(records), 1+r.IntN(300))
			put(t, s, records[:n]...)
			records = records[n:]
		}
		if n := inFiles(t, url, "FORGET-ME"); n == 0 {
			t.Fatal("it is in no file before")
		}
		removed, err := s.Erase(t.Context(), "acme", Erasure{Subject: "FORGET-ME"})
		if err != nil || removed.Events < 100 {
			t.Fatalf("removed %+v, %v", removed, err)
		}
		if n := inFiles(t, url, "FORGET-ME"); n > 0 {
			t.Errorf("seed %d: %d times in the files", seed, n)
		}
		if n := inFiles(t, url, "somebody"); n == 0 {
			t.Error("all is gone")
		}
		var check string
		if err := s.read.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Errorf("integrity: %s, %v", check, err)
		}
	}
}

func inFiles(t *testing.T, url, what string) (n int) {
	t.Helper()
	files, err := filepath.Glob(url + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(content, []byte(what))
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", file, info.Mode(), err)
		}
	}
	return n
}
