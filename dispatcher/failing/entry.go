package failing

import (
	"cmp"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// noteEvery is how often an endpoint is stored that goes on failing.
const noteEvery = time.Hour

// now has no more digits than people read, and none of the process's own clock.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// entry is an endpoint on the list. The list's mu guards it.
type entry struct {
	id      schemas.EndpointID
	target  *attempt.Target // as it was last seen; nil if nobody knows it
	failing flow.Failing
	last    schemas.Attempt // the last that failed
	warning *Data           // that nothing has followed yet
	owed    []Notice        // see Note
	begun   bool            // the first of owed is being settled: it stays
	// disabling is closed when the endpoint is disabled, or is not to be any more;
	// nil if no such notice is owed.
	disabling chan struct{}
	disabled  bool // it is, and target does not show it yet
	stored    Note
	queued    bool
}

// delivered takes in a success, and reports whether there is something to do.
func (e *entry) delivered() bool {
	if e.disabled {
		return false // too late
	}
	e.spare()
	if e.disabling != nil {
		return false
	}
	e.recovers()
	e.failing = flow.Failing{}
	return true
}

// recovers owes the owner the news, after a warning.
func (e *entry) recovers() {
	if e.warning == nil || e.target == nil {
		return
	}
	data := Data{Endpoint: e.id, Host: e.target.Host(), Since: e.warning.Since, Failures: max(e.warning.Failures, e.failing.Failures)}
	e.owed = append(e.owed, Notice{Kind: Recovered, Tenant: e.target.Tenant(), At: now(), Data: data})
	e.warning = nil
}

// failed takes in a failure, and reports whether there is something to do. Nothing
// is decided before it is known what was stored.
func (e *entry) failed(a schemas.Attempt, t *attempt.Target, known bool) bool {
	if e.disabled || e.disabling != nil {
		return false
	}
	e.target, e.last = t, a
	after := t.DisablesAfter()
	if !known {
		after = 0
	}
	e.act(e.failing.Done(now(), false, after))
	return known && e.unsaved(false)
}

// act does as a verdict says.
func (e *entry) act(v flow.Verdict) {
	switch v {
	case flow.Warn:
		after := e.target.DisablesAfter()
		data := e.data()
		data.DisableAt = e.failing.Since.Add(after)
		if least := e.failing.Warned.Add(after / 2); least.After(data.DisableAt) {
			data.DisableAt = least
		}
		e.warning = &data
		e.owed = append(e.owed, Notice{Kind: Failing, Tenant: e.target.Tenant(), At: e.failing.Warned, Data: data})
	case flow.Disable:
		e.owe(e.target.Tenant(), schemas.ReasonFailing)
	case flow.Keep:
	}
}

// data says what is known.
func (e *entry) data() Data {
	d := Data{Endpoint: e.id, Since: e.failing.Since, Failures: e.failing.Failures, LastReason: e.last.Reason, LastStatus: e.last.Status}
	if e.target != nil {
		d.Host = e.target.Host()
	}
	return d
}

// disable owes the endpoint its disabling, for the answer to an attempt.
func (e *entry) disable(tenant schemas.TenantID, a schemas.Attempt, why schemas.Reason) <-chan struct{} {
	if e.disabling == nil {
		e.last = a
		e.failing.Done(now(), false, 0)
		e.owe(tenant, why)
	}
	return e.disabling
}

// owe is what comes of both.
func (e *entry) owe(tenant schemas.TenantID, why schemas.Reason) {
	data := e.data()
	data.Reason = why
	e.owed = append(e.owed, Notice{Kind: Disabled, Tenant: tenant, At: now(), Data: data})
	e.disabling = make(chan struct{})
	e.failing, e.warning = flow.Failing{}, nil
}

// isDisabled reports whether nothing is left to do to the endpoint.
func (e *entry) isDisabled() bool {
	return e.disabled || e.target != nil && e.target.Disabled()
}

// disableEnds tells who waits that the endpoint was disabled, or need not be.
func (e *entry) disableEnds(disabled bool) {
	e.disabled = disabled && (e.target == nil || !e.target.Disabled())
	if e.disabling != nil {
		close(e.disabling)
		e.disabling = nil
	}
}

// spare takes back the disabling of an endpoint that has failed for too long, if
// it has not begun.
func (e *entry) spare() {
	for i, n := range e.owed {
		if n.Kind == Disabled && n.Data.Reason == schemas.ReasonFailing && (i > 0 || !e.begun) {
			e.owed = slices.Delete(slices.Clone(e.owed), i, i+1)
			e.warning = cmp.Or(e.warning, &n.Data)
			e.disableEnds(false)
			return
		}
	}
}

// changed takes in what the endpoint is now; nil if it was deleted.
func (e *entry) changed(t *attempt.Target) {
	was := e.target
	e.target, e.disabled = t, false
	switch {
	case t == nil:
		if !e.begun {
			e.owed = nil
		}
		e.owed = e.owed[:min(len(e.owed), 1)]
		if e.disabling != nil && (len(e.owed) == 0 || e.owed[0].Kind != Disabled) {
			e.disableEnds(false)
		}
		e.failing, e.warning = flow.Failing{}, nil
	case was != nil && t.Anew(was):
		e.spare()
		e.failing = flow.Failing{}
	}
}

// resume takes in what was stored, before what has happened since. Fine is an
// endpoint that has delivered since then.
func (e *entry) resume(n Note, fine bool) {
	e.stored = n
	if e.target == nil {
		return // deleted
	}
	edited := e.target.Changed().After(n.at())
	e.warning = cmp.Or(e.warning, n.Warning)
	var owed []Notice
	for _, o := range n.Owed {
		if o.Kind == Disabled {
			if !e.target.Disabled() && (edited || fine) || e.disabling != nil {
				if o.Data.Reason == schemas.ReasonFailing {
					e.warning = cmp.Or(e.warning, &o.Data)
				}
				continue // it had not begun, or was undone
			}
			e.disabling = make(chan struct{})
		}
		owed = append(owed, o)
	}
	e.owed = append(owed, e.owed...)
	switch {
	case fine:
		e.recovers()
	case edited, e.target.Disabled(), e.disabling != nil:
	default:
		e.act(e.failing.Resume(n.Failing, e.target.DisablesAfter()))
	}
}

// note is what is to be stored.
func (e *entry) note() Note {
	return Note{Failing: e.failing, Warning: e.warning, Owed: slices.Clone(e.owed)}
}

// unsaved reports whether that is worth storing now. Last is the end: whoever is
// next is to know all.
func (e *entry) unsaved(last bool) bool {
	f, s := e.failing, e.stored.Failing
	switch {
	case !slices.EqualFunc(e.owed, e.stored.Owed, func(a, b Notice) bool { return a.ID() == b.ID() }):
		return true
	case (e.warning == nil) != (e.stored.Warning == nil) || e.warning != nil && !e.warning.Since.Equal(e.stored.Warning.Since):
		return true
	case !f.Since.Equal(s.Since): // anew
		return s.Failures > 0 || f.Failures > 1 || last
	case f.Failures == s.Failures:
		return false
	default:
		return s.Failures < flow.MinFailures || f.Last.Sub(s.Last) >= noteEvery || last
	}
}
