package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Notes are kept beside a record, and go with it: they change often, and are no
// part of anybody's picture.
const (
	progressPrefix = "progress."
	usedPrefix     = "used."
	failingPrefix  = "failing."
	storedPrefix   = "stored."
)

func progressKey(subscription string) string { return progressPrefix + subscription }
func usedKey(token string) string            { return usedPrefix + token }
func failingKey(endpoint string) string      { return failingPrefix + endpoint }
func storedKey(tenant string) string         { return storedPrefix + tenant }

// Progress is the sequence of EVENTS up to which fanout has read this history of
// a subscription; 0 if it has yet to begin. Of another history under the same id,
// one from another time or of a record that is gone, it says nothing.
func (r *Registry) Progress(ctx context.Context, s schemas.Subscription) (sequence uint64, err error) {
	text, err := r.note(ctx, progressKey(string(s.ID)))
	if err != nil || text == "" {
		return 0, err
	}
	of, number, _ := strings.Cut(text, " ")
	if of != historyMark(s) {
		return 0, nil
	}
	if sequence, err = strconv.ParseUint(number, 10, 64); err != nil {
		return 0, schemas.Errorf(schemas.CodeInvalid, "registry record %s is no sequence", progressKey(string(s.ID)))
	}
	return sequence, nil
}

// SetProgress keeps what [Registry.Progress] returns.
func (r *Registry) SetProgress(ctx context.Context, s schemas.Subscription, sequence uint64) error {
	return r.setNote(ctx, progressKey(string(s.ID)), historyMark(s)+" "+strconv.FormatUint(sequence, 10))
}

// historyMark tells a history from others that the same id had.
func historyMark(s schemas.Subscription) string {
	var from time.Time
	if s.History != nil {
		from = s.History.From
	}
	return fmt.Sprintf("%d.%d", s.Created.UnixMilli(), from.UnixMilli())
}

// Used is when a token was last used, within a minute; the zero time if it never
// was.
func (r *Registry) Used(ctx context.Context, id schemas.TokenID) (time.Time, error) {
	text, err := r.note(ctx, usedKey(string(id)))
	if err != nil || text == "" {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, schemas.Errorf(schemas.CodeInvalid, "registry record %s is no time", usedKey(string(id)))
	}
	return at, nil
}

// SetUsed keeps what [Registry.Used] returns, to the second.
func (r *Registry) SetUsed(ctx context.Context, id schemas.TokenID, at time.Time) error {
	return r.setNote(ctx, usedKey(string(id)), at.UTC().Format(time.RFC3339))
}

// Failing are the dispatchers' notes of endpoints that fail, as they wrote them.
func (r *Registry) Failing(ctx context.Context) (map[schemas.EndpointID][]byte, error) {
	notes := map[schemas.EndpointID][]byte{}
	err := r.entries(ctx, []string{failingKey("*")}, func(e jetstream.KeyValueEntry) {
		notes[schemas.EndpointID(strings.TrimPrefix(e.Key(), failingPrefix))] = e.Value()
	})
	return notes, err
}

// SetFailing keeps a note that [Registry.Failing] returns. An empty one removes
// it.
func (r *Registry) SetFailing(ctx context.Context, id schemas.EndpointID, note []byte) error {
	if len(note) == 0 {
		return r.forget(ctx, failingKey(string(id)))
	}
	return r.setNote(ctx, failingKey(string(id)), string(note))
}

// Stored is what is noted of how much EVENTS has of a tenant.
func (r *Registry) Stored(ctx context.Context, tenant schemas.TenantID) (stored schemas.Stored, err error) {
	text, err := r.note(ctx, storedKey(string(tenant)))
	if err == nil && text != "" && json.Unmarshal([]byte(text), &stored) != nil {
		err = schemas.Errorf(schemas.CodeInvalid, "registry record %s does not parse", storedKey(string(tenant)))
	}
	return stored, err
}

// AddStored adds bytes of events that were stored lately, where EVENTS keeps them
// for an age. Of several that add at once, each is counted.
func (r *Registry) AddStored(ctx context.Context, tenant schemas.TenantID, age time.Duration, bytes int64) error {
	key := storedKey(string(tenant))
	for ctx.Err() == nil {
		var stored schemas.Stored
		entry, err := r.kv.Get(ctx, key)
		switch {
		case err == nil:
			_ = json.Unmarshal(entry.Value(), &stored) // what does not parse is counted anew
		case !errors.Is(err, jetstream.ErrKeyNotFound):
			return unavailable("read "+key, err)
		}
		stored.Add(now(), age, bytes)
		text, err := json.Marshal(stored)
		if err != nil {
			return err
		}
		if entry == nil {
			_, err = r.kv.Create(ctx, key, text)
		} else {
			_, err = r.kv.Update(ctx, key, text, entry.Revision())
		}
		if !isConflict(err) {
			return unavailable("write "+key, err)
		}
	}
	return unavailable("write "+key, ctx.Err())
}

// note is the text under a key; empty if there is none.
func (r *Registry) note(ctx context.Context, key string) (string, error) {
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return "", nil
	}
	if err != nil {
		return "", unavailable("read "+key, err)
	}
	return string(entry.Value()), nil
}

func (r *Registry) setNote(ctx context.Context, key, text string) error {
	_, err := r.kv.Put(ctx, key, []byte(text))
	return unavailable("write "+key, err)
}
