package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/feed"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

const (
	// batchEvents and batchBytes bound a batch; the API takes 1000 and 8 MiB.
	batchEvents = 500
	batchBytes  = 4 << 20
	// mostTypes is how many types of a file are looked at for mistakes.
	mostTypes = 100
)

// Publishing is "tidings publish" over the API.
type Publishing struct {
	app  *App
	skip int
}

// Publishing makes the flags of the API on a command, which has a flag "tenant" of
// its own only by them.
func (a *App) Publishing(c *cobra.Command) *Publishing {
	p := &Publishing{app: a}
	a.Bind(c, c.Flags())
	c.Flags().IntVar(&p.skip, "skip", 0, "leave out so many events at the beginning of FILE: those that are stored")
	return p
}

// CheckOutput refuses a way to show results that there is not.
func (p *Publishing) CheckOutput() error { return p.app.CheckOutput() }

// Stored tells of an event that it is stored, as the API's own answer or in words; more
// ends the sentence.
func (p *Publishing) Stored(c *cobra.Command, id string, duplicate bool, more string) error {
	word := "stored"
	if duplicate {
		word = "stored before"
	}
	switch p.app.Output {
	case "json":
		return show.JSON(c.OutOrStdout(), map[string]any{"events": []any{map[string]any{"id": id, "duplicate": duplicate}}})
	case "id":
		_, err := fmt.Fprintln(c.OutOrStdout(), show.Clean(id))
		return err
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%s: event %s%s\n", word, show.Clean(id), more)
	return err
}

// Tenant is what was said of the tenant.
func (p *Publishing) Tenant() string { return p.app.SaidTenant }

// One publishes one event, a CloudEvent in JSON.
func (p *Publishing) One(c *cobra.Command, event json.RawMessage) error {
	return p.app.Run(func(ctx context.Context, s *call.Session) error {
		err := publishOne(ctx, s, event)
		if err == nil {
			s.HintTypes(ctx, []string{show.Text(event, "type")})
		}
		return err
	})(c, nil)
}

// File publishes the events of a file, or of the standard input if it is "-". A file
// is read to its end before its first event is published.
func (p *Publishing) File(c *cobra.Command, name string) error {
	return p.app.Run(func(ctx context.Context, s *call.Session) error {
		path, err := s.Of(ctx, "events")
		if err != nil {
			return err
		}
		return p.publish(ctx, s, name, func(ctx context.Context, batch []json.RawMessage) (int, error) { return sendBatch(ctx, s, path, batch) })
	})(c, nil)
}

// sendBatch publishes a batch, and counts the events that were stored before.
func sendBatch(ctx context.Context, s *call.Session, path string, batch []json.RawMessage) (duplicates int, err error) {
	body := append([]byte("["), bytes.Join(asBytes(batch), []byte(","))...)
	accepted, err := client.As[client.Accepted](s.API.Do(ctx, client.Request{Method: "POST", Path: path, Body: append(body, ']'), Media: mediaBatch}))
	if err != nil {
		return 0, err
	}
	if len(accepted.Events) != len(batch) {
		return 0, fmt.Errorf("the server says of %d events that it has them, of %d", len(accepted.Events), len(batch))
	}
	for _, e := range accepted.Events {
		if e.Duplicate {
			duplicates++
		}
	}
	return duplicates, nil
}

func asBytes(batch []json.RawMessage) [][]byte {
	all := make([][]byte, len(batch))
	for i, b := range batch {
		all[i] = b
	}
	return all
}

// published says how far a file has come.
type published struct {
	Stored     int `json:"stored"`
	Duplicates int `json:"duplicates"` // of these; stored before
}

// publish sends the events of a file in batches. What fails says how many are stored,
// so that the rest can be sent.
func (p *Publishing) publish(ctx context.Context, s *call.Session, name string, send func(context.Context, []json.RawMessage) (int, error)) error {
	total, err := p.count(name)
	if err != nil {
		return usage.Errorf("%s: %w; nothing was published", name, err)
	}
	in, err := s.File(name)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	b := s.NewBar(s.Cmd.ErrOrStderr())
	defer b.End()
	var done published
	types := map[string]bool{}
	err = p.batches(in, func(batch []json.RawMessage) error {
		duplicates, err := send(ctx, batch)
		if err != nil {
			return fmt.Errorf("events %d to %d: %w", p.skip+done.Stored+1, p.skip+done.Stored+len(batch), err)
		}
		done.Stored, done.Duplicates = done.Stored+len(batch), done.Duplicates+duplicates
		b.Show(done.Stored, max(0, total-p.skip), "events stored")
		for _, e := range batch {
			if len(types) < mostTypes {
				types[show.Text(e, "type")] = true
			}
		}
		return nil
	})
	b.End()
	if err != nil {
		bad, ok := errors.AsType[unreadable](err)
		switch n := p.skip + done.Stored; {
		case n > 0:
			return fmt.Errorf("%s: %w: the first %d events are stored, go on with --skip %d", name, err, n, n)
		case ok:
			return usage.Errorf("%s: %w; nothing was published", name, bad.error)
		default:
			return fmt.Errorf("%s: %w: no event is stored", name, err)
		}
	}
	s.HintTypes(ctx, slices.Sorted(maps.Keys(types)))
	if s.Output == "json" {
		return show.JSON(s.Cmd.OutOrStdout(), done)
	}
	s.Cmd.Printf("stored: %d events, %d of them before\n", done.Stored, done.Duplicates)
	return nil
}

// count reads a file to its end, and counts its events; 0 of the standard input,
// which can be read once.
func (p *Publishing) count(name string) (int, error) {
	if p.skip < 0 {
		return 0, fmt.Errorf("--skip %d: use 0 or more", p.skip)
	}
	if name == "-" {
		return 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // read only
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, err
	}
	events, err := feed.New(f)
	if err != nil {
		return 0, err
	}
	for {
		if _, err := events.Next(); errors.Is(err, io.EOF) {
			return events.Count(), nil
		} else if err != nil {
			return 0, err
		}
	}
}

// unreadable is what is wrong with events before any is sent.
type unreadable struct{ error }

// batches hands over the events in batches, without those that are skipped.
func (p *Publishing) batches(in io.Reader, send func([]json.RawMessage) error) error {
	events, err := feed.New(in)
	if err != nil {
		return unreadable{err}
	}
	var batch []json.RawMessage
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := send(batch)
		batch, size = nil, 0
		return err
	}
	for {
		e, err := events.Next()
		if err != nil { // those before it are good
			if sent := flush(); sent != nil || errors.Is(err, io.EOF) {
				return sent
			}
			return unreadable{err}
		}
		if events.Count() <= p.skip {
			continue
		}
		if len(batch) == batchEvents || size+len(e) > batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		batch, size = append(batch, e), size+len(e)
	}
}
