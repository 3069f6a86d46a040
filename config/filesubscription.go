package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

// subscriptions reads the short form, subscribe and channel, and the long one.
func (r *reading) subscriptions(p place, e schemas.Endpoint) {
	if schemas.ValidateDialect(e.Dialect, "") != nil {
		e.Dialect = schemas.DialectStandard // the wrong one is told; it has no words
	}
	subscribe, channel := p.member("subscribe"), p.member("channel")
	if len(subscribe.items()) > 0 {
		s := schemas.Subscription{Tenant: e.Tenant, Endpoint: e.ID, Types: r.patterns(subscribe, e), Channel: channel.text()}
		s.ID = schemas.SubscriptionID("sub_" + strings.TrimPrefix(string(e.ID), "ep_")) // so it stays the same record
		r.add(p, subscribe, s)
	} else if channel.given() {
		channel.refuse("goes with subscribe, which is empty: name event types there, or \"*\" for all")
	}
	for _, item := range p.member("subscriptions").items() {
		r.subscription(item, e)
	}
}

func (r *reading) subscription(p place, e schemas.Endpoint) {
	if !p.record("id", "types", "filters", "channel", "user", "deliver_from") {
		p.lacks("at least types")
		return
	}
	s := schemas.Subscription{
		Tenant: e.Tenant, Endpoint: e.ID, Types: r.patterns(p.member("types"), e),
		Filters: p.member("filters").filters(schemas.MaxFilterDepth),
		Channel: p.member("channel").text(), User: p.member("user").texts(),
	}
	id, from := p.member("id"), p.member("deliver_from")
	switch {
	case id.given():
		s.ID = schemas.SubscriptionID(id.text())
		if err := s.ID.Validate(); err != nil {
			id.refuse("%s", err)
			return
		}
	case from.given():
		from.refuse("needs an id: what was stored is delivered once for each id")
		return
	default:
		s.ID = named(s)
	}
	if from.given() {
		s.History = &schemas.History{State: schemas.HistoryReading}
		if from.text() != "all" {
			s.History.From = from.moment()
		}
	}
	r.add(p, id, s)
}

// named is an id made of what the subscription says. By its place in the list,
// one more at the top would change all that follow one after the other, and
// events in between would find some of them twice and some not at all.
func named(s schemas.Subscription) schemas.SubscriptionID {
	content, err := json.Marshal(s)
	if err != nil {
		panic(err) // cannot be: it is text
	}
	digest := sha256.Sum256(content)
	name := strings.TrimPrefix(string(s.Endpoint), "ep_")
	return schemas.SubscriptionID("sub_" + name[:min(len(name), 40)] + "_" + hex.EncodeToString(digest[:6]))
}

// add checks a subscription, whose name stands at id.
func (r *reading) add(p, id place, s schemas.Subscription) {
	p.blame(s.Validate())
	for i, filter := range p.member("filters").items() {
		r.check(filter, s, i)
	}
	if s.Endpoint != "ep_"+unknown {
		r.once(id, string(s.ID), "subscription "+string(s.ID)+" is declared twice")
	}
	r.d.Subscriptions = append(r.d.Subscriptions, s)
}

// check says what is wrong with a filter, or why it does not compile.
func (r *reading) check(p place, s schemas.Subscription, i int) {
	s.Filters = s.Filters[i : i+1]
	err := schemas.ValidateFilters(s.Filters)
	if err == nil {
		err = fanout.CheckSubscription(s, r.known)
	}
	if err != nil {
		p.blame(errors.New(strings.TrimPrefix(err.Error(), "filters[0]")))
	}
}

// patterns are those of event types, or names of the endpoint's dialect.
func (r *reading) patterns(p place, e schemas.Endpoint) (patterns []schemas.TypePattern) {
	for _, item := range p.items() {
		pattern, err := r.known.Pattern(e.Tenant, e.Dialect, item.text())
		if err != nil {
			item.refuse("%s", err)
			pattern = schemas.Wildcard
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

// filters reads a list, in which filters may lie that deep.
func (p place) filters(depth int) (filters []schemas.Filter) {
	for _, item := range p.items() {
		filters = append(filters, item.filter(depth))
	}
	return filters
}

func (p place) filter(depth int) (f schemas.Filter) {
	if depth == 0 {
		p.refuse("filters are nested deeper than %d: flatten them", schemas.MaxFilterDepth)
		return f
	}
	if !p.record("exact", "prefix", "suffix", "all", "any", "not", "sql", "cel") {
		return f
	}
	f = schemas.Filter{
		Exact: p.member("exact").pairsOfText(), Prefix: p.member("prefix").pairsOfText(), Suffix: p.member("suffix").pairsOfText(),
		All: p.member("all").filters(depth - 1), Any: p.member("any").filters(depth - 1),
		SQL: p.member("sql").text(), CEL: p.member("cel").text(),
	}
	if not := p.member("not"); not.given() {
		inner := not.filter(depth - 1)
		f.Not = &inner
	}
	return f
}

func (p place) pairsOfText() (pairs map[string]string) {
	for name, value := range p.members() {
		if pairs == nil {
			pairs = map[string]string{}
		}
		pairs[name] = value.text()
	}
	return pairs
}
