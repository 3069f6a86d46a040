package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// checks has subscriptions judged that are not made.
func (r *rig) checks(t *testing.T) {
	const path = "/v1/tenants/acme/subscriptions"
	before, _ := r.do(200, "GET", path, "")
	if got, _ := r.do(200, "POST", path+"/check", `{"types":["user.*"],"filters":[{"exact":{"subject":"a"}}]}`); fmt.Sprint(got["types"]) != "[user.*]" {
		t.Errorf("got %v", got)
	}
	for field, body := range map[string]string{
		"types[0]":   `{"types":["user.*.*.*.."]}`,
		"types":      `{"types":[]}`,
		"dialect":    `{"types":["*"],"dialect":"smoke"}`,
		"filters[0]": `{"types":["*"],"filters":[{}]}`,
	} {
		if got, _ := r.do(400, "POST", path+"/check", body); !strings.HasPrefix(fmt.Sprint(got["field"]), field) {
			t.Errorf("%s: the field is %v, want %s: %v", body, got["field"], field, got["detail"])
		}
	}
	if after, _ := r.do(200, "GET", path, ""); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a check has made %v", after)
	}
}
