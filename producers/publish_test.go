package producers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

func TestPublishStoresOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		for i, want := range []producers.Receipt{
			{EventID: "e1", Sequence: 1},
			{EventID: "e2", Sequence: 2},
			{EventID: "e1", Sequence: 1, Duplicate: true},
			{EventID: "E1", Sequence: 3},
		} {
			got, err := p.Publish(t.Context(), created(want.EventID))
			if err != nil || got != want {
				t.Errorf("publish %d: %+v, %v; want %+v", i, got, err, want)
			}
		}
		if n := count(t, p.stream); n != 3 {
			t.Errorf("%d events are stored, want 3", n)
		}
		m, e := p.stored(1)
		if tenant, published, err := schemas.StoredEvent(m.Subject); err != nil || tenant != "acme" || published != "events.acme.order.created" {
			t.Errorf("stored under %q: tenant %q, published to %q, %v", m.Subject, tenant, published, err)
		}
		if e.Subject() != "u1" || e.DataContentType() != "application/json" || string(e.Data()) != string(created("").Data()) {
			t.Errorf("stored %v", e)
		}
	})
}

func TestPublishFillsInWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		given := created("")
		first, err := p.Publish(t.Context(), given)
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.Publish(t.Context(), given)
		if err != nil || second.Duplicate || first.EventID == "" || first.EventID == second.EventID {
			t.Errorf("receipts %+v, %+v, %v: want two ids", first, second, err)
		}
		_, e := p.stored(first.Sequence)
		if e.ID() != first.EventID || e.Source() != source || !e.Time().Equal(time.Now()) {
			t.Errorf("stored id %q, source %q, time %s; receipt %+v, now %s", e.ID(), e.Source(), e.Time(), first, time.Now())
		}
		if given.ID() != "" || given.Source() != "" || !given.Time().IsZero() {
			t.Errorf("the caller's event was changed: %v", given)
		}
	})
}

func TestPublishKeepsWhatTheEventBrings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		own := created("mine")
		own.SetSource("/elsewhere")
		own.SetTime(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
		receipt, err := p.Publish(t.Context(), own)
		if err != nil {
			t.Fatal(err)
		}
		if _, e := p.stored(receipt.Sequence); e.ID() != "mine" || e.Source() != "/elsewhere" || e.Time().Year() != 2020 {
			t.Errorf("what the event brought was replaced: %v", e)
		}
	})
}

func TestPublishCarriesTheTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		state, err := trace.ParseTraceState("vendor=1")
		if err != nil {
			t.Fatal(err)
		}
		span := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state,
		})
		const ofCtx = "00-01000000000000000000000000000000-0200000000000000-01"
		const ofProducer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		own := created("own")
		own.SetExtension("traceparent", ofProducer)
		for _, c := range []struct {
			name          string
			e             schemas.Event
			span          bool // in ctx
			parent, state string
		}{
			{"of ctx", created("a"), true, ofCtx, "vendor=1"},
			{"the producer's own stays", own, true, ofProducer, ""},
			{"none", created("b"), false, "", ""},
		} {
			ctx := t.Context()
			if c.span {
				ctx = trace.ContextWithSpanContext(ctx, span)
			}
			receipt, err := p.Publish(ctx, c.e)
			if err != nil {
				t.Fatal(err)
			}
			m, _ := p.stored(receipt.Sequence)
			got := [2]string{strings.Join(m.Header["ce-traceparent"], "|"), strings.Join(m.Header["ce-tracestate"], "|")}
			if got != [2]string{c.parent, c.state} {
				t.Errorf("%s: stored %q, want %q and %q", c.name, got, c.parent, c.state)
			}
		}
	})
}

func TestPublishRefusesWhatIsNotValid(t *testing.T) {
	with := func(change func(*schemas.Event)) schemas.Event {
		e := created("e1")
		change(&e)
		return e
	}
	cases := []struct {
		name, want string
		e          schemas.Event
	}{
		{"empty", "event is empty: make it with cloudevents.NewEvent", schemas.Event{}},
		{"no source", "event has no source: set it, or Options.Source of the publisher", created("e1")},
		{"broken source", "source", with(func(e *schemas.Event) { e.SetSource("%zz") })},
		{"no type", "type is empty", with(func(e *schemas.Event) { e.SetSource("/s"); e.SetType("") })},
		{"old version", `specversion is "0.3": use "1.0"`, with(func(e *schemas.Event) { e.SetSpecVersion("0.3") })},
		{"data not JSON", "data is not valid JSON: ", with(func(e *schemas.Event) { e.SetSource("/s"); e.DataEncoded = []byte("{") })},
		{
			"content type", `datacontenttype "text/plain": use "application/json"`,
			with(func(e *schemas.Event) { e.SetSource("/s"); e.SetDataContentType("text/plain") }),
		},
		{
			"too large", "data is 1048577 bytes: use at most 1048576, or send a link to it",
			with(func(e *schemas.Event) {
				e.SetSource("/s")
				e.DataEncoded = []byte(`"` + strings.Repeat("x", schemas.MaxEventSize-1) + `"`)
			}),
		},
		{
			"attributes too large", "its attributes take 17",
			with(func(e *schemas.Event) { e.SetSource("/s"); e.SetExtension("big", strings.Repeat("x", 17<<10)) }),
		},
		{"control character", "subject has a control", with(func(e *schemas.Event) { e.SetSource("/s"); e.SetSubject("a\nb") })},
	}
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		anonymous, err := producers.New(p.NC, producers.Options{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			_, err := anonymous.Publish(t.Context(), c.e)
			refused(t, err)
			if !strings.Contains(err.Error(), c.want) || !strings.HasSuffix(err.Error(), "(nothing was stored)") {
				t.Errorf("%s: %v\nwant %s", c.name, err, c.want)
			}
		}
		if n := count(t, p.stream); n != 0 {
			t.Errorf("%d events are stored, want none", n)
		}
		// A source that the caller got wrong is not replaced by the default.
		broken := created("e1")
		broken.SetSource("%zz")
		_, err = p.Publish(t.Context(), broken)
		refused(t, err)
	})
}

func TestLargestEventIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		e := created("e1")
		e.SetSource(source)
		e.SetTime(time.Now().UTC())
		e.DataEncoded = []byte(`"` + strings.Repeat("x", schemas.MaxEventSize-2) + `"`)
		for n := schemas.MaxAttributesSize; ; n-- {
			e.SetExtension("big", strings.Repeat("x", n))
			if _, _, err := schemas.EncodeEvent(&e); err == nil {
				break
			}
		}
		if _, err := p.Publish(t.Context(), e); err != nil {
			t.Errorf("the largest data with the largest attributes: %.300v", err)
		}
	})
}

func TestNewRefusesOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc := streamstest.Start(t, streamstest.Small()).NC
		for want, o := range map[string]producers.Options{
			`tenant id "Acme Corp": use 1 to 63 of a-z`:     {Tenant: "Acme Corp"},
			`tenant id "": use 1 to 63 of a-z`:              {},
			`source "%zz" is not a URI-reference`:           {Tenant: "acme", Source: "%zz"},
			"the largest event is -1 bytes: use at least 1": {Tenant: "acme", MaxEventSize: -1},
			"-1 events in flight: use at least 1":           {Tenant: "acme", MaxInFlight: -1},
			"ack timeout -1s":                               {Tenant: "acme", AckTimeout: -time.Second},
			"give up after -1s":                             {Tenant: "acme", GiveUp: -time.Second},
		} {
			if _, err := producers.New(nc, o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: error is %v, want %s", o, err, want)
			}
		}
	})
}

func TestForAnotherTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		globex, err := p.For("globex")
		if err != nil {
			t.Fatal(err)
		}
		e := created("e1")
		if _, err := p.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		receipt, err := globex.Publish(t.Context(), e)
		if err != nil || receipt.Duplicate {
			t.Fatalf("%+v, %v: one tenant's event hides another's", receipt, err)
		}
		m, _ := p.stored(receipt.Sequence)
		if tenant, _, err := schemas.StoredEvent(m.Subject); tenant != "globex" || err != nil {
			t.Errorf("stored under %q, %v", m.Subject, err)
		}
		if _, err := p.For("no spaces"); err == nil {
			t.Error("a bad tenant was not refused")
		}
	})
}
