package schemas_test

import (
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func TestSubscriptionValidate(t *testing.T) {
	type subscription = schemas.Subscription
	for _, tt := range []struct {
		change func(*subscription)
		want   string
	}{
		{func(*subscription) {}, ""},
		{func(s *subscription) { s.ID = "1" }, `subscription id "1": use "sub_" followed by 1 to 60 of a-z, A-Z, 0-9, '-' and '_'`},
		{func(s *subscription) { s.Tenant = "A" }, `tenant id "A": use 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or a digit`},
		{func(s *subscription) { s.Endpoint = "" }, `endpoint id "": use "ep_" followed by 1 to 60 of a-z, A-Z, 0-9, '-' and '_'`},
		{func(s *subscription) { s.Types = nil }, `subscription sub_1: types is empty: name event types, or "*" for all`},
		{func(s *subscription) { s.Types = append(s.Types, "a..b") }, `subscription sub_1: types[1]: pattern "a..b" has an empty segment: write types like "user.created" or "user.*"`},
		{func(s *subscription) { s.Types = append(s.Types, "a*") }, `subscription sub_1: types[1]: pattern "a*": "*" stands for whole segments, as in "user.*"`},
	} {
		s := subscription{ID: "sub_1", Tenant: "acme", Endpoint: "ep_1", Types: []schemas.TypePattern{"user.created"}}
		tt.change(&s)
		wantError(t, s.Validate(), tt.want)
	}
}

func TestTypePatternValidate(t *testing.T) {
	empty := func(p string) string {
		return `pattern "` + p + `" has an empty segment: write types like "user.created" or "user.*"`
	}
	star := func(p string) string { return `pattern "` + p + `": "*" stands for whole segments, as in "user.*"` }
	for p, want := range map[string]string{
		"*":            "",
		"user":         "",
		"user.*":       "",
		"*.created":    "",
		"a.*.b.*":      "",
		"com.größe.x":  "",
		"with space.*": "",
		">":            "", // no wildcard here
		"":             empty(""),
		".":            empty("."),
		".a":           empty(".a"),
		"a.":           empty("a."),
		"a..b":         empty("a..b"),
		"**":           star("**"),
		"a*":           star("a*"),
		"a.b*.c":       star("a.b*.c"),
	} {
		wantError(t, schemas.TypePattern(p).Validate(), want)
	}
}
