// Package files publishes what happens to files, and to the recordings and
// transcripts of meetings.
//
//	function          event type        subject        data
//	[Created]         file.created      File.ID        {current, previous: null}
//	[Updated]         file.updated      File.ID        {current, previous}
//	[Removed]         file.removed      File.ID        {current: null, previous}
//	[RecordingSaved]  recording.saved   Recording.ID   Recording
//	[TranscriptSaved] transcript.saved  Transcript.ID  Transcript
//
// Each stores the event before it returns, and refuses one that lacks its
// subject before anything is sent. An error is a *[producers.PublishError].
package files

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// File is a stored file, or one that is about to be. ID is required.
type File struct {
	ID          string `json:"id"`
	Name        string `json:"name,omitempty"`
	ContentType string `json:"contentType,omitempty"` // a media type
	// Status is how far the file is, like "upload_pending", "processing",
	// "ready", "error" or "cancelled".
	Status          string    `json:"status,omitempty"`
	Size            int64     `json:"size,omitempty"` // in bytes
	IsPublic        bool      `json:"isPublic"`
	CategoryID      string    `json:"fileCategoryId,omitempty"`
	CreatedByUserID string    `json:"createdByUserId,omitempty"`
	URL             string    `json:"url,omitempty"` // a receiver sees it: no secrets in it
	CreatedAt       time.Time `json:"createdAt,omitzero"`
	UpdatedAt       time.Time `json:"updatedAt,omitzero"`
}

// Recording is what was recorded of a meeting. ID is required.
type Recording struct {
	ID           string             `json:"id"`
	Location     string             `json:"location,omitempty"` // where the meeting was
	Start        time.Time          `json:"start,omitzero"`
	End          time.Time          `json:"end,omitzero"`
	Host         producers.Person   `json:"host,omitzero"`
	Participants []producers.Person `json:"participants,omitempty"`
	VideoURL     string             `json:"videoUrl,omitempty"`
	TranscriptID string             `json:"transcriptId,omitempty"`
}

// Transcript is what was said in a meeting. ID is required.
type Transcript struct {
	ID           string             `json:"id"`
	MeetingID    string             `json:"meetingId,omitempty"`
	EventName    string             `json:"eventName,omitempty"` // what the calendar calls the meeting
	Start        time.Time          `json:"start,omitzero"`
	End          time.Time          `json:"end,omitzero"`
	Participants []producers.Person `json:"participants,omitempty"`
	Summary      string             `json:"summary,omitempty"`
}

// Created publishes that f was made; its content may still be on the way.
func Created(ctx context.Context, to producers.Sink, f File) (producers.Receipt, error) {
	return producers.Send(ctx, to, "file.created", f.ID, producers.Change{Current: f})
}

// Updated publishes that a file changed from previous to current.
func Updated(ctx context.Context, to producers.Sink, current, previous File) (producers.Receipt, error) {
	if err := producers.SameEntity(current.ID, previous.ID); err != nil {
		return producers.Receipt{}, err
	}
	return producers.Send(ctx, to, "file.updated", current.ID, producers.Change{Current: current, Previous: previous})
}

// Removed publishes that f is gone.
func Removed(ctx context.Context, to producers.Sink, f File) (producers.Receipt, error) {
	return producers.Send(ctx, to, "file.removed", f.ID, producers.Change{Previous: f})
}

// RecordingSaved publishes that a recording can be downloaded.
func RecordingSaved(ctx context.Context, to producers.Sink, r Recording) (producers.Receipt, error) {
	return producers.Send(ctx, to, "recording.saved", r.ID, r)
}

// TranscriptSaved publishes that a transcript can be read.
func TranscriptSaved(ctx context.Context, to producers.Sink, t Transcript) (producers.Receipt, error) {
	return producers.Send(ctx, to, "transcript.saved", t.ID, t)
}
