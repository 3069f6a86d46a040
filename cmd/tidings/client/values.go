package client

import (
	"encoding/json"
	"time"
)

// EventName names an event.
type EventName struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Place  string `json:"place"`
}

// Delivery is a delivery with all that was tried.
type Delivery struct {
	ID       string    `json:"id"`
	Endpoint string    `json:"endpoint"`
	Event    EventName `json:"event"`
	Type     string    `json:"type"`
	Subject  string    `json:"subject"`
	Accepted time.Time `json:"accepted"`
	Status   string    `json:"status"` // waiting, retrying, delivered or dead
	Attempts int       `json:"attempts"`
	Code     int       `json:"code"` // 0 if no response came
	Reason   string    `json:"reason"`
	Next     time.Time `json:"next"`
	History  []Attempt `json:"history"`
}

// Ended reports whether nothing more will be tried by itself.
func (d Delivery) Ended() bool { return d.Status == "delivered" || d.Status == "dead" }

// Attempt is one line of a delivery's history.
type Attempt struct {
	N       int       `json:"n"` // 0 if no request was made
	At      time.Time `json:"at"`
	Took    string    `json:"took"` // like 1.2s
	Status  int       `json:"status"`
	Reason  string    `json:"reason"`
	Detail  string    `json:"detail"`
	Outcome string    `json:"outcome"` // delivered, retry or dead
	Why     string    `json:"why"`
	Next    time.Time `json:"next"`
	Replay  time.Time `json:"replay"`

	Exchange *struct {
		URL  string `json:"url"`
		Body string `json:"body"`
	} `json:"exchange"`
}

// Replay is a job that sends deliveries again.
type Replay struct {
	ID      string `json:"id"`
	DryRun  bool   `json:"dry_run"`
	State   string `json:"state"` // running, done, cancelled or failed
	Error   string `json:"error"`
	Total   *int   `json:"total"` // nil until it is counted
	Seen    int    `json:"seen"`
	Found   int    `json:"found"`
	Sent    int    `json:"sent"`
	Skipped int    `json:"skipped"`
	// SkippedBy counts them by reason.
	SkippedBy map[string]int `json:"skipped_by"`
}

// ReplayRequest is what a job is to replay.
type ReplayRequest struct {
	Endpoint string    `json:"endpoint,omitempty"`
	Which    string    `json:"which"` // failed, missing or all
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until,omitzero"`
	Types    []string  `json:"types,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Rate     int       `json:"rate,omitempty"` // deliveries a second
	DryRun   bool      `json:"dry_run,omitempty"`
}

// Accepted says of each event that was published that it is stored.
type Accepted struct {
	Events []struct {
		ID        string `json:"id"`
		Duplicate bool   `json:"duplicate"`
	} `json:"events"`
}

// Explained says of each endpoint whether it would get an event.
type Explained struct {
	Endpoints []struct {
		Endpoint     string `json:"endpoint"`
		Subscription string `json:"subscription"`
		Matches      bool   `json:"matches"`
		Condition    string `json:"condition"`
		Detail       string `json:"detail"`
		Notes        []struct {
			Kind   string `json:"kind"`
			Detail string `json:"detail"`
		} `json:"notes"`
	} `json:"endpoints"`
}

// Erasure is the record of what was erased.
type Erasure struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Found   int    `json:"found"`
	More    bool   `json:"more"`
	Removed struct {
		Events      int `json:"events"`
		Deliveries  int `json:"deliveries"`
		DeadLetters int `json:"dead_letters"`
		LogRecords  int `json:"log_records"`
	} `json:"removed"`
}

// As reads an answer as a value of T.
func As[T any](answer json.RawMessage, err error) (v T, _ error) {
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(answer, &v)
}
