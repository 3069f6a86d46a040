package users_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/producerstest"
	"github.com/tidings-dev/tidings/producers/users"
)

type (
	to      = producers.Sink
	receipt = producers.Receipt
)

var born = time.Date(2025, 3, 1, 9, 0, 0, 0, time.FixedZone("CET", 3600)) // 08:00 in UTC

func TestUserEvents(t *testing.T) {
	before := users.User{ID: "u1", Reference: "7", Email: "ada@example.test", Active: true, CreatedAt: born, UpdatedAt: born}
	after := before
	after.LastName, after.Active, after.CustomData = "Moss", false, map[string]any{"plan": "pro"}
	after.UpdatedAt, after.TwoFactorEnabled = born.Add(1500*time.Millisecond), true
	const (
		head       = `{"id":"u1","reference":"7","email":"ada@example.test","locale":null,"tenantId":null,"phone":null,"firstName":null,"avatarUrl":null,"timezone":null,"isOptedIn":false,"createdAt":"2025-03-01T08:00:00.000Z",`
		beforeJSON = head + `"lastName":null,"active":true,"customData":null,"updatedAt":"2025-03-01T08:00:00.000Z"}`
		afterJSON  = head + `"lastName":"Moss","active":false,"customData":{"plan":"pro"},"updatedAt":"2025-03-01T08:00:01.500Z","twoFactorEnabled":true}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "user.created", Subject: "u1", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Created(ctx, s, before) },
		},
		{
			Name: "updated", Type: "user.updated", Subject: "u1", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Updated(ctx, s, after, before) },
		},
		{
			Name: "removed", Type: "user.removed", Subject: "u1", Data: `{"current":null,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Removed(ctx, s, before) },
		},
		{
			Name: "status", Type: "user.status.updated", Subject: "u1", Data: `{"id":"u1","name":"Ada Moss","isAdmin":false,"status":"away"}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.StatusUpdated(ctx, s, users.Status{ID: "u1", Name: "Ada Moss", Status: "away"})
			},
		},
		{
			Name: "no id", Refused: "publish user.created: the subject is empty: set the id of the user (nothing was stored)",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.Created(ctx, s, users.User{Email: "a@b"})
			},
		},
		{
			Name: "another user", Refused: `current.ID is "u1" and previous.ID is "u2": pass the same one, after and before`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.Updated(ctx, s, after, users.User{ID: "u2"})
			},
		},
		{
			Name: "nobody's status", Refused: "set the id of the user",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.StatusUpdated(ctx, s, users.Status{Status: "away"})
			},
		},
		{
			Name: "data that is not JSON", Refused: "data does not encode as JSON",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.Created(ctx, s, users.User{ID: "u1", CustomData: map[string]any{"f": func() {}}})
			},
		},
	})
}

func TestInviteEvents(t *testing.T) {
	before := users.Invite{ID: "i1", Email: "kim@example.test", CreatedByUserID: "u1", Status: users.InvitePending, RoleKeys: []string{"member"}, CreatedAt: born, UpdatedAt: born}
	after := before
	after.Status, after.AcceptedByUserID, after.StatusUpdatedAt, after.RoleKeys = users.InviteAccepted, "u2", born, nil
	const (
		head       = `{"id":"i1","email":"kim@example.test","createdByUserId":"u1","userTokenId":null,"firstName":null,"lastName":null,"locale":null,"data":null,"tenantId":null,"createdAt":"2025-03-01T08:00:00.000Z","updatedAt":"2025-03-01T08:00:00.000Z",`
		beforeJSON = head + `"status":"pending","roleKeys":["member"],"acceptedByUserId":null,"statusUpdatedAt":null}`
		afterJSON  = head + `"status":"accepted","roleKeys":null,"acceptedByUserId":"u2","statusUpdatedAt":"2025-03-01T08:00:00.000Z"}`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "created", Type: "user.invite.created", Subject: "i1", Data: `{"current":` + beforeJSON + `,"previous":null}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.InviteCreated(ctx, s, before) },
		},
		{
			Name: "updated", Type: "user.invite.updated", Subject: "i1", Data: `{"current":` + afterJSON + `,"previous":` + beforeJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.InviteUpdated(ctx, s, after, before) },
		},
		{
			Name: "removed", Type: "user.invite.removed", Subject: "i1", Data: `{"current":null,"previous":` + afterJSON + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.InviteRemoved(ctx, s, after) },
		},
		{
			Name: "no id", Refused: "Invite.ID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) { return users.InviteCreated(ctx, s, users.Invite{}) },
		},
		{
			Name: "another invite", Refused: "pass the same one",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.InviteUpdated(ctx, s, after, users.Invite{ID: "i2"})
			},
		},
	})
}

func TestSignInEvents(t *testing.T) {
	session := &producers.Session{AppPID: "kd83", KeyID: "w9xk", ClientID: "Qm7T", ConnectionID: "kd83:aB3d", Timestamp: born, ExpiresAt: born.Add(time.Hour)}
	email := users.Identity{ID: "c0a1", Provider: "email", VerifiedAt: born}
	signIn := users.SignIn{Identities: []users.Identity{email}, MFAEnabled: true, Email: "ada@example.test", VerifiedAt: born}
	with := signIn
	with.Factors, with.Session = []users.Factor{{ID: "f1", Type: "totp"}}, session
	const (
		sessionJSON = `{"appPid":"kd83","keyId":"w9xk","clientId":"Qm7T","connectionId":"kd83:aB3d","socketId":null,"timestamp":"2025-03-01T08:00:00.000Z","user":null,`
		seconds     = sessionJSON + `"exp":1740819600}`
		millis      = sessionJSON + `"exp":1740819600000}`
		head        = `{"identities":[{"id":"c0a1","provider":"email","providerId":null,"verifiedAt":"2025-03-01T08:00:00.000Z"}],"authMfaEnabled":true,"email":"ada@example.test","verifiedAt":"2025-03-01T08:00:00.000Z",`
	)
	producerstest.Run(t, []producerstest.Case{
		{
			Name: "signed up", Type: "user.signed_up", Subject: "u1", Data: `{"identities":[{"id":"c0a1","provider":"email","providerId":"7"}],"session":` + millis + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.SignedUp(ctx, s, "u1", users.SignUp{Identities: []users.Identity{{ID: "c0a1", Provider: "email", ProviderID: "7"}}, Session: session})
			},
		},
		{
			Name: "verified", Type: "user.verified", Subject: "u1", Data: head + `"factors":[]}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.Verified(ctx, s, "u1", signIn) },
		},
		{
			Name: "signed in", Type: "user.signed_in", Subject: "u1", Data: head + `"factors":[{"id":"f1","type":"totp","verifiedAt":null}],"session":` + millis + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.SignedIn(ctx, s, "u1", with) },
		},
		{
			Name: "connected", Type: "user.session.initialized", Subject: "kd83:aB3d", Data: `{"session":` + seconds + `}`,
			Call: func(ctx context.Context, s to) (receipt, error) { return users.SessionInitialized(ctx, s, *session) },
		},
		{
			Name: "nobody", Refused: "publish user.signed_in: the subject is empty: set the id of the user",
			Call: func(ctx context.Context, s to) (receipt, error) { return users.SignedIn(ctx, s, "", signIn) },
		},
		{
			Name: "no connection", Refused: "Session.ConnectionID is empty: set it",
			Call: func(ctx context.Context, s to) (receipt, error) {
				return users.SessionInitialized(ctx, s, producers.Session{})
			},
		},
	})
}
