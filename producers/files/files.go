// Package files publishes what happens to files, and to the recordings and
// transcripts of meetings.
//
//	function           event type        subject        data
//	[Created]          file.created      File.ID        {current, previous: null}
//	[Updated]          file.updated      File.ID        {current, previous}
//	[Removed]          file.removed      File.ID        {current: null, previous}
//	[RecordingSaved]   recording.saved   Recording.ID   [Recording]
//	[TranscriptSaved]  transcript.saved  Transcript.ID  [Transcript]
//
// Each stores the event before it returns, and refuses one that lacks a
// required field before anything is sent. An error is a
// *[producers.PublishError].
package files

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// File is a stored file, or one that is about to be. ID is required.
type File struct {
	ID              string    `json:"id"`
	Name            string    `json:"name"`
	ContentType     string    `json:"contentType"` // a media type
	Status          Status    `json:"status"`
	IsPublic        bool      `json:"isPublic"`
	CategoryID      string    `json:"fileCategoryId"`
	CreatedByUserID string    `json:"createdByUserId"`
	URL             string    `json:"url" zero:"null"` // a receiver sees it: no secrets in it
	CreatedAt       time.Time `json:"createdAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
}

// Status is how far a file is.
type Status string

// What a file can be.
const (
	UploadPending Status = "upload_pending"
	Processing    Status = "processing"
	Ready         Status = "ready"
	Failed        Status = "error"
	Cancelled     Status = "cancelled"
)

// MarshalJSON is how a file travels.
func (f File) MarshalJSON() ([]byte, error) { return producers.Encode(f) }

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
