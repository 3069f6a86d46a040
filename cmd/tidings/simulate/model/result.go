package model

import (
	"math"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// Run is what became of it.
type Run struct {
	Moments []Moment
	// Ends counts deliveries by how they ended; ok is delivered.
	Ends map[schemas.Reason]int
	// Open are those that have not ended when the run did.
	Open int
	// Ended is when the last thing happened.
	Ended time.Duration
}

// Moment is a step of the series: sums over it, and what there is at its end.
type Moment struct {
	At time.Duration // its end, since the start
	// Sums.
	Came, Attempts, Delivered, Failed, Retried, Died, Probes int
	// Stored are attempts at deliveries that were stored on their endpoint's queue.
	Stored int
	CPU    time.Duration
	// At its end.
	Held, Scheduled, UnderWay, Queued, Breakers int // Breakers are those that are not closed
	Backlog                                     int // deliveries that have not ended
	// Oldest is the age of the oldest event that has not ended everywhere; Healthy
	// that of the healthy endpoints' alone.
	Oldest, Healthy time.Duration
	// Waited is the longest that a healthy endpoint's delivery was due before its
	// attempt began.
	Waited time.Duration
	// P50 and P99 are from event to delivery, of the healthy endpoints' deliveries.
	P50, P99 time.Duration

	healthy ages
}

// close ends a moment.
func (s *run) close(at time.Duration) {
	m := &s.moment
	m.At = at
	m.Held, m.Scheduled, m.Backlog = s.gauges.held, s.gauges.scheduled, s.open
	for _, l := range s.lanes {
		m.UnderWay += len(l.began)
		m.Queued += l.queue.size()
		if l.flow.State() != flow.Closed {
			m.Breakers++
		}
	}
	m.Healthy = s.oldest[0].age(at)
	m.Oldest = max(m.Healthy, s.oldest[1].age(at))
	m.P50, m.P99 = m.healthy.quantile(0.5), m.healthy.quantile(0.99)
	s.result.Moments = append(s.result.Moments, *m)
	s.moment = Moment{}
}

// Over is a part of the series as one: sums, greatest gauges and ages, and quantiles
// over all of it.
func Over(moments []Moment) Moment {
	var sum Moment
	for i := range moments {
		m := &moments[i]
		sum.At = m.At
		for _, add := range []struct {
			to   *int
			what int
		}{
			{&sum.Came, m.Came},
			{&sum.Attempts, m.Attempts},
			{&sum.Delivered, m.Delivered},
			{&sum.Failed, m.Failed},
			{&sum.Retried, m.Retried},
			{&sum.Died, m.Died},
			{&sum.Probes, m.Probes},
			{&sum.Stored, m.Stored},
		} {
			*add.to += add.what
		}
		for _, most := range []struct {
			of   *int
			what int
		}{
			{&sum.Held, m.Held},
			{&sum.Scheduled, m.Scheduled},
			{&sum.UnderWay, m.UnderWay},
			{&sum.Queued, m.Queued},
			{&sum.Breakers, m.Breakers},
			{&sum.Backlog, m.Backlog},
		} {
			*most.of = max(*most.of, most.what)
		}
		sum.CPU += m.CPU
		sum.Oldest, sum.Healthy, sum.Waited = max(sum.Oldest, m.Oldest), max(sum.Healthy, m.Healthy), max(sum.Waited, m.Waited)
		sum.healthy.merge(&m.healthy)
	}
	sum.P50, sum.P99 = sum.healthy.quantile(0.5), sum.healthy.quantile(0.99)
	return sum
}

// ages counts durations by their size, in steps of a tenth.
type ages struct {
	n     int
	count map[int16]int
}

const agesStep = 1.1

func (a *ages) add(d time.Duration) {
	if a.count == nil {
		a.count = map[int16]int{}
	}
	a.n++
	a.count[int16(math.Ceil(math.Log(max(float64(d), 1))/math.Log(agesStep)))]++
}

func (a *ages) merge(b *ages) {
	for k, n := range b.count {
		if a.count == nil {
			a.count = map[int16]int{}
		}
		a.count[k] += n
		a.n += n
	}
}

// quantile is at most a tenth too large.
func (a *ages) quantile(q float64) time.Duration {
	rest := int(math.Ceil(q * float64(a.n)))
	for k, most := int16(0), int16(500); k < most && a.n > 0; k++ {
		if rest -= a.count[k]; rest <= 0 {
			return time.Duration(math.Pow(agesStep, float64(k)))
		}
	}
	return 0
}

// list is of tasks in the order they came.
type list struct{ oldest, newest *task }

func (l *list) push(t *task) {
	if t.older = l.newest; l.newest == nil {
		l.oldest = t
	} else {
		l.newest.newer = t
	}
	l.newest = t
}

func (l *list) remove(t *task) {
	if t.older == nil {
		l.oldest = t.newer
	} else {
		t.older.newer = t.newer
	}
	if t.newer == nil {
		l.newest = t.older
	} else {
		t.newer.older = t.older
	}
	t.older, t.newer = nil, nil
}

func (l *list) age(at time.Duration) time.Duration {
	if l.oldest == nil {
		return 0
	}
	return at - l.oldest.born
}
