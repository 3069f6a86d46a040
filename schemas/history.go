package schemas

import "time"

// History is how a subscription gets the events that were stored before it was
// made. Fanout reads them in the order they were stored, and gives the
// subscription no live event meanwhile. When it has caught up, or sees that it
// cannot, it joins the two: Until is the last event that is history's, and every later one is
// live. So each event comes once, and none is left out.
type History struct {
	// From is when the first event that counts was stored; the zero time is all.
	From  time.Time    `json:"from,omitzero"`
	State HistoryState `json:"state"`
	// Until is a sequence of EVENTS, set when the state becomes [HistoryJoined];
	// 0 before that.
	Until uint64 `json:"until,omitempty"`
}

// HistoryState is how far reading has come. Fanout sets it.
type HistoryState string

const (
	// HistoryReading delivers what is stored; live events wait their turn there.
	HistoryReading HistoryState = "reading"
	// HistoryJoining is about to learn Until. Whoever has to know it sets it.
	HistoryJoining HistoryState = "joining"
	// HistoryJoined delivers live events after Until, and history the rest of
	// those before.
	HistoryJoined HistoryState = "joined"
	// HistoryDone has delivered all up to Until.
	HistoryDone HistoryState = "done"
)

// Live reports whether the event that EVENTS stored under sequence is one of
// the live flow, not of history. Of a nil History every event is.
func (h *History) Live(sequence uint64) bool {
	return h == nil || h.Until > 0 && sequence > h.Until
}
