package pull

import "time"

// stretchSize is how many deliveries a stretch has at most.
const stretchSize = 2048

// ages is what is known of how old the deliveries in a queue are: of each stretch of
// it, since when its oldest counts. A queue is in order of age as a rule, so few of its
// stretches have anything that is due to die, and none of the others is read again.
type ages struct {
	subject   string
	made      time.Time
	next      uint64    // the sequence from which on nothing is known
	quiet     uint64    // where the stream ended when there was nothing more to know
	stretches []stretch // in order
}

// stretch is some deliveries of a queue, one after the other.
type stretch struct {
	subject  string
	from, to uint64 // sequences; nothing between them is of another stretch
	count    int
	oldest   time.Time
}

// add takes in the next delivery, and since when it counts.
func (a *ages) add(sequence uint64, since time.Time) {
	n := len(a.stretches) - 1
	if n < 0 || a.stretches[n].count >= stretchSize {
		a.stretches = append(a.stretches, stretch{subject: a.subject, from: sequence, oldest: since})
		n++
	}
	s := &a.stretches[n]
	s.to, s.count = sequence, s.count+1
	if since.Before(s.oldest) {
		s.oldest = since
	}
}
