package files

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// Recording is what was recorded of a meeting. ID is required.
type Recording struct {
	ID           string     `json:"recordingId"`
	Location     string     `json:"location"` // where the meeting was
	Start        time.Time  `json:"startTime"`
	End          time.Time  `json:"endTime"`
	Host         Attendee   `json:"host,omitzero"`
	VideoURL     string     `json:"videoUrl,omitzero"` // a receiver sees it: no secrets in it
	TranscriptID string     `json:"transcriptId,omitzero"`
	Participants []Attendee `json:"participants,omitzero"`
}

// MarshalJSON is how a recording travels.
func (r Recording) MarshalJSON() ([]byte, error) { return producers.Encode(r) }

// Attendee was in a meeting that was recorded.
type Attendee struct {
	Name   string `json:"name"`
	UserID string `json:"user"`
	Email  string `json:"email,omitzero"`
}

// Transcript is what was said in a meeting. ID is required.
type Transcript struct {
	ID            string        `json:"id"`
	MeetingID     string        `json:"meetingId,omitzero"`
	Start         time.Time     `json:"start,omitzero"`
	End           time.Time     `json:"end,omitzero"`
	Participants  []Participant `json:"participants,omitzero"`
	EventName     string        `json:"eventName,omitzero"` // what the calendar calls the meeting
	Summary       string        `json:"summary,omitzero"`
	ActionItems   []ActionItem  `json:"actionItems,omitzero"`
	MeetingLinkID string        `json:"meetingLinkId,omitzero"`
	Invitees      []string      `json:"invitees,omitzero"` // email addresses
	Cues          []Cue         `json:"cues,omitzero"`
}

// MarshalJSON is how a transcript travels.
func (t Transcript) MarshalJSON() ([]byte, error) { return producers.Encode(t) }

// Participant spoke, or could have, in a meeting that was transcribed.
type Participant struct {
	Name             string          `json:"name,omitzero"`
	Email            string          `json:"email,omitzero"`
	UnconfirmedEmail string          `json:"unconfirmedEmail,omitzero"` // what a guest typed
	Type             ParticipantType `json:"type,omitzero"`
	UserID           string          `json:"user,omitzero"`
}

// ParticipantType is whether a participant belongs to the organization.
type ParticipantType string

// What a participant can be.
const (
	Member ParticipantType = "member"
	Guest  ParticipantType = "guest"
)

// ActionItem is what somebody said they would do.
type ActionItem struct {
	Title       string `json:"title"`
	Description string `json:"description,omitzero"`
	Assignee    string `json:"assignee,omitzero"`
}

// Cue is one thing that was said.
type Cue struct {
	Speaker     string  `json:"speaker"`
	Text        string  `json:"text"`
	StartOffset float64 `json:"startOffset"` // from the meeting's start
	EndOffset   float64 `json:"endOffset"`
}

// RecordingSaved publishes that a recording can be downloaded.
func RecordingSaved(ctx context.Context, to producers.Sink, r Recording) (producers.Receipt, error) {
	return producers.Send(ctx, to, "recording.saved", r.ID, r)
}

// TranscriptSaved publishes that a transcript can be read.
func TranscriptSaved(ctx context.Context, to producers.Sink, t Transcript) (producers.Receipt, error) {
	return producers.Send(ctx, to, "transcript.saved", t.ID, t)
}
