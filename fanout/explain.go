package fanout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
)

// rank is how far a subscription comes: which of its conditions, in the order in
// which they are tried, is the first to fail.
type rank int

const (
	rankTypes rank = iota
	rankChannel
	rankHistory
	rankRefused
	rankScope
	rankFilters                       // and the index of the filter
	rankDialect = rankFilters + 1<<10 // more than there are filters
	rankRoute   = rankDialect + 1     // the channel's own endpoint gets it
	rankMatches = rankRoute + 1       // nothing fails
)

// verdict is what one subscription says of an event.
type verdict struct {
	*entry
	dialect schemas.Dialect
	rank    rank
	// condition and detail are as in [schemas.Explanation].
	condition, detail string
}

// Explain says of every endpoint of the tenant that has a subscription whether it
// gets the event and, if not, what fails first of the subscription that comes
// nearest. They are in order of their ids. An event whose sequence is 0 is not
// stored: history counts for nothing. It repeats none of the event's data.
func (x *Index) Explain(e Event) []schemas.Explanation {
	verdicts := x.verdicts(e)
	ownRoute := slices.ContainsFunc(verdicts, func(v verdict) bool {
		return v.Channel != "" && len(v.User) == 0 && v.dialect == schemas.DialectOneRoute && v.rank >= rankDialect
	})
	best := map[schemas.EndpointID]verdict{}
	for _, v := range verdicts {
		if ownRoute && v.rank == rankMatches && v.Channel == "" && v.dialect == schemas.DialectOneRoute {
			v.rank, v.condition, v.detail = rankRoute, "channel", "another endpoint is subscribed to the event's channel, and gets it"
		}
		other, ok := best[v.Endpoint]
		if !ok || cmp.Or(cmp.Compare(other.rank, v.rank), cmp.Compare(v.ID, other.ID)) < 0 {
			best[v.Endpoint] = v
		}
	}
	all := make([]schemas.Explanation, 0, len(best))
	for _, id := range slices.Sorted(maps.Keys(best)) {
		v := best[id]
		all = append(all, schemas.Explanation{
			Endpoint: id, Subscription: v.ID, Matches: v.rank == rankMatches, Condition: v.condition, Detail: v.detail,
		})
	}
	return all
}

// verdicts are those of the tenant's subscriptions, in order of their ids.
func (x *Index) verdicts(e Event) []verdict {
	x.mu.RLock()
	var all []verdict
	if t := x.of[e.Tenant]; t != nil {
		for s := range t.all {
			all = append(all, verdict{entry: s, dialect: x.dialects[s.Endpoint]})
		}
	}
	x.mu.RUnlock()
	slices.SortFunc(all, func(a, b verdict) int { return cmp.Compare(a.ID, b.ID) })
	about := aboutEvent(e)
	for i := range all {
		all[i].judge(about)
	}
	return all
}

// subject is what there is to know of an event, read once.
type subject struct {
	Event
	attributes filter.Event
	channel    string
	users      [][]byte
}

func aboutEvent(e Event) *subject {
	s := &subject{Event: e, channel: e.Known.ChannelOf(e.Data)}
	s.attributes.Reset(e.Header, e.Data)
	for _, p := range e.Known.Involving() {
		s.users = p.Texts(s.users, e.Data)
	}
	return s
}

// involves reports whether the event involves the user with these ids.
func (s *subject) involves(user []string) bool {
	return slices.ContainsFunc(s.users, func(id []byte) bool { return slices.Contains(user, string(id)) })
}

// judge fills in what the subscription says.
func (v *verdict) judge(e *subject) {
	fail := func(r rank, condition, detail string) { v.rank, v.condition, v.detail = r, condition, detail }
	switch {
	case !slices.ContainsFunc(v.Types, func(p schemas.TypePattern) bool { return p.Matches(e.Type) }):
		fail(rankTypes, "types", "none of its patterns matches the event's type")
	case v.Channel != "" && e.channel != v.Channel:
		fail(rankChannel, "channel", "the event is not on the subscription's channel")
	case e.Sequence > 0 && !v.History.Live(e.Sequence):
		fail(rankHistory, "history", "the event is one of the subscription's history, which delivers it")
	case v.refused != nil:
		fail(rankRefused, "filters", fmt.Sprintf("the filters do not compile, so they match nothing: write them again (%s)", v.refused))
	case len(v.User) > 0 && len(e.Known.Involving()) == 0:
		fail(rankScope, "scope", "the catalogue does not say whom an event of this type involves, so that personal access does not have it")
	case len(v.User) > 0 && !e.involves(v.User):
		fail(rankScope, "scope", "the event does not involve the subscription's user")
	default:
		v.judgeRest(e)
	}
}

// judgeRest is about what comes after scope.
func (v *verdict) judgeRest(e *subject) {
	if f, failed := v.entry.condition.Failure(&e.attributes); failed {
		v.rank, v.condition, v.detail = rankFilters+rank(f.Index), f.Where, f.Why
		return
	}
	if !e.Known.In(v.dialect) {
		v.rank, v.condition = rankDialect, "dialect"
		v.detail = fmt.Sprintf("the dialect %s has no name for the event's type", v.dialect)
		return
	}
	v.rank = rankMatches
}
