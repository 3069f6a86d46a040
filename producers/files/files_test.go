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

func TestEvents(t *testing.T) {
	start := time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC)
	end := start.Add(42 * time.Minute)
	dana := producers.Person{ID: "u1", Name: "Dana"}
	before := files.File{ID: "f1", Name: "plan.pdf", ContentType: "application/pdf", Status: "upload_pending"}
	after := before
	after.Status, after.Size = "ready", 12
	recording := files.Recording{ID: "rec1", Start: start, End: end, Host: dana, Participants: []producers.Person{dana}, VideoURL: "https://example.test/v"}
	transcript := files.Transcript{ID: "t1", MeetingID: "m1", EventName: "Weekly", Start: start, End: end}
	const (
		beforeJSON = `{"id":"f1","name":"plan.pdf","contentType":"application/pdf","status":"upload_pending","isPublic":false}`
		afterJSON  = `{"id":"f1","name":"plan.pdf","contentType":"application/pdf","status":"ready","size":12,"isPublic":false}`
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
			Name: "recording", Type: "recording.saved", Subject: "rec1",
			Data: `{"id":"rec1","start":"2026-01-05T15:00:00Z","end":"2026-01-05T15:42:00Z","host":{"id":"u1","name":"Dana"},"participants":[{"id":"u1","name":"Dana"}],"videoUrl":"https://example.test/v"}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return files.RecordingSaved(ctx, s, recording) },
		},
		{
			Name: "transcript", Type: "transcript.saved", Subject: "t1",
			Data: `{"id":"t1","meetingId":"m1","eventName":"Weekly","start":"2026-01-05T15:00:00Z","end":"2026-01-05T15:42:00Z"}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return files.TranscriptSaved(ctx, s, transcript) },
		},
		{
			Name: "no id", Refused: "publish file.removed: the subject is empty: set the id of the file",
			Call: func(ctx context.Context, s to) (receipt, error) { return files.Removed(ctx, s, files.File{}) },
		},
		{
			Name: "another file", Refused: "pass the same one",
			Call: func(ctx context.Context, s to) (receipt, error) { return files.Updated(ctx, s, after, files.File{}) },
		},
		{
			Name: "no recording id", Refused: "set the id of the recording",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return files.RecordingSaved(ctx, s, files.Recording{})
			},
		},
	})
}
