package schemas

import (
	"time"
	"unicode/utf8"
)

// Attempt is one HTTP request that was made, or refused, for a delivery. The
// attempts of a delivery travel with it as its history.
type Attempt struct {
	Number   int       `json:"n"`  // 1 for the first
	At       time.Time `json:"at"` // when it began
	Duration Duration  `json:"took"`
	Status   int       `json:"status,omitempty"` // HTTP status; 0 if no response came
	Reason   Reason    `json:"reason"`
	Detail   string    `json:"detail,omitempty"` // at most [MaxDetail] bytes
}

// MaxDetail bounds Attempt.Detail, in bytes, since it travels in headers.
const MaxDetail = 200

// maxHistory bounds the attempts a delivery carries: the first one and the
// newest are kept.
const maxHistory = 32

// AppendHistory adds an attempt, dropping the second oldest once there are
// more than a delivery carries. It makes the attempt's detail fit for a header.
func AppendHistory(history []Attempt, a Attempt) []Attempt {
	a.Detail = clip(oneLine(a.Detail), MaxDetail)
	kept := append(make([]Attempt, 0, len(history)+1), history...)
	if len(kept) >= maxHistory {
		kept = append(kept[:1], kept[len(kept)-maxHistory+2:]...)
	}
	return append(kept, a)
}

// clip shortens text to at most limit bytes, between characters.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
