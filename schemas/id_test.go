package schemas_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// wantError holds err to an exact sentence; empty means no error.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
		if !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%v has not the code invalid", err)
		}
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTenantIDValidate(t *testing.T) {
	const rule = ": use 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or a digit"
	for _, tt := range []struct{ id, want string }{
		{"acme", ""},
		{"0", ""},
		{"a-b_c-9", ""},
		{strings.Repeat("a", 63), ""},
		{strings.Repeat("a", 64), `tenant id "` + strings.Repeat("a", 64) + `"` + rule},
		{"", `tenant id ""` + rule},
		{"-a", `tenant id "-a"` + rule},
		{"_a", `tenant id "_a"` + rule},
		{"Acme", `tenant id "Acme"` + rule},
		{"a.b", `tenant id "a.b"` + rule},
		{"a*", `tenant id "a*"` + rule},
		{">", `tenant id ">"` + rule},
		{"a\n", `tenant id "a\n"` + rule},
		{"ü", `tenant id "ü"` + rule},
	} {
		wantError(t, schemas.TenantID(tt.id).Validate(), tt.want)
		wantError(t, schemas.Tenant{ID: schemas.TenantID(tt.id)}.Validate(), tt.want)
	}
}

func TestPrefixedIDValidate(t *testing.T) {
	const rule = " followed by 1 to 60 of a-z, A-Z, 0-9, '-' and '_'"
	for _, tt := range []struct{ id, want string }{
		{"ep_1", ""},
		{"ep_aZ9-_", ""},
		{"ep_" + strings.Repeat("x", 60), ""},
		{"ep_" + strings.Repeat("x", 61), `endpoint id "ep_` + strings.Repeat("x", 61) + `": use "ep_"` + rule},
		{"ep_", `endpoint id "ep_": use "ep_"` + rule},
		{"", `endpoint id "": use "ep_"` + rule},
		{"sub_1", `endpoint id "sub_1": use "ep_"` + rule},
		{"EP_1", `endpoint id "EP_1": use "ep_"` + rule},
		{"ep_a.b", `endpoint id "ep_a.b": use "ep_"` + rule},
		{"ep_a b", `endpoint id "ep_a b": use "ep_"` + rule},
		{"ep_a\n", `endpoint id "ep_a\n": use "ep_"` + rule},
		{"ep_é", `endpoint id "ep_é": use "ep_"` + rule},
	} {
		wantError(t, schemas.EndpointID(tt.id).Validate(), tt.want)
	}
	wantError(t, schemas.SubscriptionID("sub_1").Validate(), "")
	wantError(t, schemas.SubscriptionID("ep_1").Validate(), `subscription id "ep_1": use "sub_"`+rule)
}

func TestNewIDsAreValidAndSortByTime(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	var endpoints, subscriptions []string
	for i := range 100 {
		e, s := schemas.NewEndpointID(at.Add(time.Duration(i)*time.Millisecond)), schemas.NewSubscriptionID(at.Add(time.Duration(i)*time.Millisecond))
		wantError(t, e.Validate(), "")
		wantError(t, s.Validate(), "")
		endpoints, subscriptions = append(endpoints, string(e)), append(subscriptions, string(s))
	}
	if !slices.IsSorted(endpoints) || !slices.IsSorted(subscriptions) {
		t.Error("ids do not sort by their time of making")
	}
	if a, b := schemas.NewEndpointID(at), schemas.NewEndpointID(at); a == b {
		t.Error("two ids of one millisecond are the same")
	}
}

func TestDeliveryIDLeadsBack(t *testing.T) {
	for _, at := range []int64{0, 1, 1_700_000_000_123, 1<<48 - 1} {
		for _, sequence := range []uint64{1, 42, 1<<48 - 1} {
			accepted := time.UnixMilli(at).Add(999 * time.Microsecond)
			id := schemas.NewDeliveryID(accepted, sequence, "ep_a")
			gotAt, gotSequence, err := id.Accepted()
			if err != nil || gotAt.UnixMilli() != at || gotSequence != sequence || gotAt.Location() != time.UTC {
				t.Errorf("%s: got %v, %d, %v; want %d ms, %d", id, gotAt, gotSequence, err, at, sequence)
			}
			if id != schemas.NewDeliveryID(accepted, sequence, "ep_a") {
				t.Error("the same delivery got two ids")
			}
			if id == schemas.NewDeliveryID(accepted, sequence, "ep_b") {
				t.Error("two endpoints share an id")
			}
		}
	}
	// Receivers remember these: the form may never change.
	const want = "dlv_065svpb80000000000la5l14c1jqua2k"
	if got := schemas.NewDeliveryID(time.UnixMilli(1_700_000_000_000), 42, "ep_a"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDeliveryIDsSortByTimeThenSequence(t *testing.T) {
	var ids []string
	for at := int64(1_700_000_000_000); at < 1_700_000_000_050; at += 7 {
		for sequence := uint64(30); sequence < 70; sequence += 3 {
			// The endpoint must not outweigh them.
			endpoint := schemas.EndpointID("ep_" + strings.Repeat("z", int(100-sequence)))
			ids = append(ids, string(schemas.NewDeliveryID(time.UnixMilli(at), sequence, endpoint)))
		}
	}
	if !slices.IsSorted(ids) {
		t.Error("ids do not sort by time, then sequence")
	}
}

func TestDeliveryIDAccepted(t *testing.T) {
	const rule = `: use "dlv_" followed by 32 of 0-9 and a-v, as Tidings printed it`
	good := string(schemas.NewDeliveryID(time.UnixMilli(1_700_000_000_000), 42, "ep_a"))
	for _, tt := range []struct{ id, want string }{
		{good, ""},
		{"", `delivery id ""` + rule},
		{good[4:], `delivery id "` + good[4:] + `"` + rule},
		{"msg_" + good[4:], `delivery id "msg_` + good[4:] + `"` + rule},
		{good[:35], `delivery id "` + good[:35] + `"` + rule},
		{good + "0", `delivery id "` + good + `0"` + rule},
		{strings.ToUpper(good), `delivery id "` + strings.ToUpper(good) + `"` + rule},
		{good[:35] + "w", `delivery id "` + good[:35] + `w"` + rule},
		{good[:20] + "\r\n" + good[20:], `delivery id "` + good[:20] + `\r\n` + good[20:] + `"` + rule},
		{good + "\n", `delivery id "` + good + `\n"` + rule},
	} {
		_, _, err := schemas.DeliveryID(tt.id).Accepted()
		wantError(t, err, tt.want)
	}
}
