package streams

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Applied is what a process needs of the storage it runs on.
type Applied struct {
	Layout   schemas.Layout
	Registry jetstream.KeyValue
	Members  jetstream.KeyValue
	// Idempotency forgets each key a day after it was last written. [Find] leaves it
	// out: it is the API's alone.
	Idempotency jetstream.KeyValue
}

// Apply makes the account hold what the pipe needs, creating or updating it.
// It may be called by many processes at once. Nothing is changed if the server
// or what it stores cannot serve these options; the error says what to do.
func Apply(ctx context.Context, nc *nats.Conn, o Options) (Applied, error) {
	js, o, format, err := check(ctx, nc, o)
	if err != nil && !schemas.HasCode(err, schemas.CodeNotFound) {
		return Applied{}, err
	}
	if format > Format { // of the next version, which knows better what they should be
		applied, err := found(ctx, nc, js, o)
		if err != nil {
			return Applied{}, err
		}
		applied.Idempotency, err = js.KeyValue(ctx, schemas.BucketIdempotency)
		return applied, err
	}
	if err := applyStreams(ctx, js, o, nc.MaxPayload()); err != nil {
		return Applied{}, err
	}
	if err := applyConsumers(ctx, js, o.Layout); err != nil {
		return Applied{}, err
	}
	applied := Applied{Layout: o.Layout}
	if applied.Idempotency, err = js.CreateOrUpdateKeyValue(ctx, idempotency(o)); err != nil {
		return Applied{}, refusal("bucket "+schemas.BucketIdempotency, err)
	}
	if _, err = js.CreateOrUpdateStream(ctx, registry(o)); err == nil {
		applied.Registry, err = js.KeyValue(ctx, schemas.BucketRegistry)
	}
	if err != nil {
		return Applied{}, refusal("bucket "+schemas.BucketRegistry, err)
	}
	// The last of all: who finds it finds the rest.
	if applied.Members, err = js.CreateOrUpdateKeyValue(ctx, members(o)); err != nil {
		return Applied{}, refusal("bucket "+schemas.BucketMembers, err)
	}
	return applied.following(nc), nil
}

// following has the buckets' watches go on as soon as a connection is back.
func (a Applied) following(nc *nats.Conn) Applied {
	a.Registry, a.Members = following{a.Registry, nc}, following{a.Members, nc}
	return a
}

// Find is what [Apply] has made, for a process that may not change it: of the
// options only the layout counts. What is not made yet is a
// [schemas.CodeNotFound].
func Find(ctx context.Context, nc *nats.Conn, o Options) (Applied, error) {
	js, o, _, err := check(ctx, nc, o)
	if err != nil {
		return Applied{}, err
	}
	return found(ctx, nc, js, o)
}

// found is what there is.
func found(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, o Options) (applied Applied, err error) {
	applied.Layout = o.Layout
	if applied.Registry, err = js.KeyValue(ctx, schemas.BucketRegistry); err == nil {
		applied.Members, err = js.KeyValue(ctx, schemas.BucketMembers)
	}
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return Applied{}, notMade()
	case err != nil:
		return Applied{}, schemas.Errorf(schemas.CodeUnavailable, "find the buckets: %w", err)
	}
	return applied.following(nc), nil
}

func notMade() error {
	return schemas.Errorf(schemas.CodeNotFound, "this NATS account has no streams of Tidings yet: start a process with the role api, which makes them")
}

// check refuses what the server, or what it stores, cannot serve; else it tells the
// format of what is stored. Streams that are not there yet are a
// [schemas.CodeNotFound].
func check(ctx context.Context, nc *nats.Conn, o Options) (js jetstream.JetStream, with Options, format int, err error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, o, 0, err
	}
	if js, err = jetstream.New(nc); err != nil {
		return nil, o, 0, err
	}
	if err := checkServer(ctx, nc, js, o); err != nil {
		return nil, o, 0, err
	}
	format, err = checkStored(ctx, js, o.Layout)
	return js, o, format, err
}

func applyStreams(ctx context.Context, js jetstream.JetStream, o Options, maxPayload int64) error {
	wanted := []jetstream.StreamConfig{events(o, maxPayload), dead(o), deliveryLog(o), audit(o), pull(o)}
	for shard := range o.Layout.Shards {
		wanted = append(wanted, deliveries(o, shard))
	}
	for _, c := range wanted {
		if _, err := js.CreateOrUpdateStream(ctx, c); err != nil {
			return refusal("stream "+c.Name, err)
		}
	}
	return nil
}

func applyConsumers(ctx context.Context, js jetstream.JetStream, l schemas.Layout) error {
	if _, err := js.CreateOrUpdateConsumer(ctx, schemas.StreamDead, announceConsumer()); err != nil {
		return refusal("consumer "+schemas.AnnounceConsumer, err)
	}
	for p := range l.Partitions {
		if _, err := js.CreateOrUpdateConsumer(ctx, schemas.StreamEvents, fanoutConsumer(p)); err != nil {
			return refusal("consumer "+schemas.FanoutConsumer(p), err)
		}
		if _, err := js.CreateOrUpdateConsumer(ctx, l.DeliveriesStream(p), dispatchConsumer(p)); err != nil {
			return refusal("consumer "+schemas.DispatchConsumer(p), err)
		}
	}
	return nil
}

// checkServer refuses a server on which the pipe would fail later.
func checkServer(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, o Options) error {
	if v := nc.ConnectedServerVersion(); olderThan(v, 2, 12) {
		return schemas.Errorf(schemas.CodeInvalid,
			"the NATS server is version %s: retries need the scheduled messages of 2.12 or newer; upgrade the server", v)
	}
	if limit := nc.MaxPayload(); limit < 2*headerReserve {
		return schemas.Errorf(schemas.CodeInvalid,
			"the NATS server takes messages of at most %d bytes: raise max_payload to at least %d (2 MiB serves events of 1 MiB)", limit, 2*headerReserve)
	}
	_, err := js.AccountInfo(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return schemas.Errorf(schemas.CodeInvalid, "JetStream is off on the NATS server: add a \"jetstream { store_dir: … }\" block to its configuration")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return schemas.Errorf(schemas.CodeInvalid, "JetStream is off for this NATS account: add \"jetstream: enabled\" to the account")
	case err != nil:
		return schemas.Errorf(schemas.CodeUnavailable, "ask the NATS server for its JetStream account: %w", err)
	}
	if o.Replicas > 1 && nc.ConnectedClusterName() == "" {
		return schemas.Errorf(schemas.CodeInvalid,
			"replicas is %d, but the NATS server is not part of a cluster: use --replicas 1, or connect to a cluster of at least %d servers", o.Replicas, o.Replicas)
	}
	return nil
}

// olderThan compares a server version like "2.15.2"; one that does not parse
// counts as new.
func olderThan(version string, major, minor int) bool {
	var have [2]int
	if _, err := fmt.Sscanf(version, "%d.%d", &have[0], &have[1]); err != nil {
		return false
	}
	return have[0] < major || have[0] == major && have[1] < minor
}

// checkStored refuses to cut stored work anew, as a delivery is found by its partition,
// and what programs two versions on have stored. Streams that are not there yet are a
// [schemas.CodeNotFound].
func checkStored(ctx context.Context, js jetstream.JetStream, l schemas.Layout) (format int, err error) {
	s, err := js.Stream(ctx, schemas.StreamEvents)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Format, notMade()
	}
	if err != nil {
		return 0, schemas.Errorf(schemas.CodeUnavailable, "read stream %s: %w", schemas.StreamEvents, err)
	}
	marks := s.CachedInfo().Config.Metadata
	have, want := marks[layoutKey], layoutMark(l)
	switch have {
	case want:
	case "":
		return 0, schemas.Errorf(schemas.CodeConflict,
			"stream %s exists and was not made by Tidings: use another NATS account, or remove it", schemas.StreamEvents)
	default:
		return 0, schemas.Errorf(schemas.CodeConflict,
			"the streams were made with %s and the settings say %s: start with the former, or with a new data directory (or NATS account)", have, want)
	}
	if mark := marks[formatKey]; mark == "" {
		format = 1
	} else if format, err = strconv.Atoi(mark); err != nil || format > Format+1 {
		return 0, schemas.Errorf(schemas.CodeConflict,
			"the streams are of format %s, of a version that is too new: this one reads up to %d, and %d as far as it must; start the version that was here last, or one before it",
			mark, Format, Format+1)
	}
	return format, nil
}

// noPeers is JetStream's error code where too few servers are there for a stream's
// replicas (nats-server, errors.json): a cluster that has just begun to start.
const noPeers = 10005

// refusal is a conflict if the server says so, and unavailable if it says nothing, or
// that it cannot now: a cluster without a majority, or not yet complete.
func refusal(what string, err error) error {
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.Code >= http.StatusInternalServerError || refused.ErrorCode == noPeers {
		return schemas.Errorf(schemas.CodeUnavailable, "%s cannot be applied now: %w", what, err)
	}
	return schemas.Errorf(schemas.CodeConflict, "%s cannot be applied to what the server holds: %w", what, err)
}
