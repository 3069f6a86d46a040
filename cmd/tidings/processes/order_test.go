package processes

import (
	"strconv"
	"strings"
)

// number is that of an event of a fleet. EVENTS has them in its order.
func number(event string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(event, "e"))
	if err != nil {
		return -1
	}
	return n
}

// inOrder wants the first requests for an endpoint's events, of each of so many
// keys, in the order in which the events were published.
func (f *fleet) inOrder(endpoint string, keys int) {
	f.t.Helper()
	f.receiver.mu.Lock()
	defer f.receiver.mu.Unlock()
	var overtaken []int
	newest := map[int]int{}
	for _, q := range f.receiver.requests {
		n := number(q.event)
		switch {
		case q.endpoint != endpoint || q.nth > 1:
		case n >= newest[n%keys]:
			newest[n%keys] = n
		default:
			overtaken = append(overtaken, n)
		}
	}
	if len(overtaken) > 0 {
		f.t.Errorf("%s got %v first after later ones", endpoint, overtaken)
	}
}
