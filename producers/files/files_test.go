package files_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/files"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

func TestFileEvents(t *testing.T) {
	made := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	before := files.File{
		ID: "f1", Name: "plan.pdf", ContentType: "application/pdf", Status: files.UploadPending,
		CategoryID: "fc1", CreatedByUserID: "u1", CreatedAt: made, UpdatedAt: made,
	}
	after := before
	after.Status, after.URL = files.Ready, "https://example.test/f1"
	const (
		head       = `{"id":"f1","name":"plan.pdf","contentType":"application/pdf","isPublic":false,"fileCategoryId":"fc1","createdByUserId":"u1","createdAt":"2025-03-01T08:00:00.000Z","updatedAt":"2025-03-01T08:00:00.000Z",`
		beforeJSON = head + `"status":"upload_pending","url":null}`
		afterJSON  = head + `"status":"ready","url":"https://example.test/f1"}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "file.created", Subject: "f1", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return files.Created(ctx, s, before) },
		},
		{
			Name: "updated", Type: "file.updated", Subject: "f1", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return files.Updated(ctx, s, after, before) },
		},
		{
			Name: "removed", Type: "file.removed", Subject: "f1", Data: `{"current":null,"previous":` + afterJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return files.Removed(ctx, s, after) },
		},
		{
			Name: "no id", Refused: "publish file.removed: the subject is empty: set the id of the file",
			Call: func(ctx context.Context, s to) (receipt, error) { return files.Removed(ctx, s, files.File{}) },
		},
		{
			Name: "another file", Refused: "pass the same one",
			Call: func(ctx context.Context, s to) (receipt, error) { return files.Updated(ctx, s, after, files.File{}) },
		},
	})
}

func TestMeetingEvents(t *testing.T) {
	start := time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC)
	end := start.Add(42 * time.Minute)
	dana := files.Attendee{Name: "Dana Reyes", UserID: "U-1"}
	recording := files.Recording{ID: "rec1", Location: "Room 1", Start: start, End: end, Host: dana, Participants: []files.Attendee{dana}, VideoURL: "https://example.test/v"}
	transcript := files.Transcript{
		ID: "t1", MeetingID: "m1", Start: start, End: end, EventName: "Weekly",
		Participants: []files.Participant{{Name: "Kim", UnconfirmedEmail: "kim@example.test", Type: files.Guest}},
		ActionItems:  []files.ActionItem{{Title: "Tag the release"}},
		Cues:         []files.Cue{{Speaker: "Kim", Text: "Shall we?", EndOffset: 1.5}},
	}
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "recording", Type: "recording.saved", Subject: "rec1",
			Data: `{"recordingId":"rec1","location":"Room 1","startTime":"2026-01-05T15:00:00.000Z","endTime":"2026-01-05T15:42:00.000Z","host":{"name":"Dana Reyes","user":"U-1"},"videoUrl":"https://example.test/v","participants":[{"name":"Dana Reyes","user":"U-1"}]}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return files.RecordingSaved(ctx, s, recording) },
		},
		{
			Name: "transcript", Type: "transcript.saved", Subject: "t1",
			Data: `{"id":"t1","meetingId":"m1","start":"2026-01-05T15:00:00.000Z","end":"2026-01-05T15:42:00.000Z","participants":[{"name":"Kim","unconfirmedEmail":"kim@example.test","type":"guest"}],"eventName":"Weekly","actionItems":[{"title":"Tag the release"}],"cues":[{"speaker":"Kim","text":"Shall we?","startOffset":0,"endOffset":1.5}]}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return files.TranscriptSaved(ctx, s, transcript) },
		},
		{
			Name: "no recording id", Refused: "set the id of the recording",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return files.RecordingSaved(ctx, s, files.Recording{})
			},
		},
		{
			Name: "no transcript id", Refused: "set the id of the transcript",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return files.TranscriptSaved(ctx, s, files.Transcript{})
			},
		},
	})
}
