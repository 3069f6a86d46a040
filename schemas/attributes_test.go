package schemas_test

import (
	"slices"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func TestDeliveryAttributes(t *testing.T) {
	d := &schemas.Delivery{Event: schemas.Header{
		"ce-zone": {"7"}, "ce-time": {"2026-01-02T03:04:05.5Z"}, "ce-type": {"user.created"}, "ce-id": {"1"},
		"ce-specversion": {"1.0"}, "ce-source": {"/users"}, "ce-subject": {"gr%C3%B6%C3%9Fe%20%22a%22%20100%25%20%F0%9F%98%80"},
		"ce-dataschema": {"urn:x"}, "ce-datacontenttype": {"application/json;%20charset=utf-8"}, "ce-empty": {""}, "ce-app": {"true"},
	}}
	want := []schemas.Attribute{
		{"id", "1"},
		{"source", "/users"},
		{"specversion", "1.0"},
		{"type", "user.created"},
		{"datacontenttype", "application/json; charset=utf-8"},
		{"dataschema", "urn:x"},
		{"subject", `größe "a" 100% 😀`},
		{"time", "2026-01-02T03:04:05.5Z"},
		{"app", "true"},
		{"empty", ""},
		{"zone", "7"},
	}
	if got := d.Attributes(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := d.DataContentType(); got != "application/json; charset=utf-8" {
		t.Errorf("datacontenttype %q", got)
	}
}

func TestDeliveryAttributesThatAreNotThere(t *testing.T) {
	d := &schemas.Delivery{Event: schemas.Header{"ce-type": {"a"}, "ce-id": {"1"}, "Tidings-Tenant": {"acme"}}}
	want := []schemas.Attribute{{"id", "1"}, {"type", "a"}}
	if got := d.Attributes(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := d.DataContentType(); got != "" {
		t.Errorf("datacontenttype %q", got)
	}
}
