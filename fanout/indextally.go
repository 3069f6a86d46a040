package fanout

// tally counts things. The first is kept in place: with many types of event most
// leaves have one, and a map of one takes ten times the room.
type tally[K comparable] struct {
	one    K
	ones   int // how often one was counted; if 0 there is none
	others map[K]int
}

// change counts k once more, or once less if by is -1.
func (t *tally[K]) change(k K, by int) {
	switch {
	case t.ones > 0 && t.one == k:
		if t.ones += by; t.ones == 0 {
			*t = tally[K]{others: t.others}
		}
	case t.ones == 0 && t.others[k] == 0:
		t.one, t.ones = k, by
	default:
		if t.others == nil {
			t.others = map[K]int{}
		}
		if t.others[k] += by; t.others[k] == 0 {
			delete(t.others, k)
		}
	}
}

func (t *tally[K]) empty() bool { return t.ones == 0 && len(t.others) == 0 }

// all are the things, each once, in any order.
func (t *tally[K]) all(yield func(K) bool) {
	if t.ones > 0 && !yield(t.one) {
		return
	}
	for k := range t.others {
		if !yield(k) {
			return
		}
	}
}
