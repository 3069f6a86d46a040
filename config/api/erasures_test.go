package api_test

// erasures asks for one, and for their records.
func (r *rig) erasures() {
	const path = "/v1/tenants/acme/erasures"
	if got, _ := r.do(200, "POST", path, `{"event":"first"}`); got["work"] != nil || got["id"] != "ers_1" {
		r.tb.Errorf("got %v", got)
	}
	if got, _ := r.do(400, "POST", path, `{}`); got["field"] != "event" {
		r.tb.Errorf("got %v", got)
	}
	r.do(404, "POST", "/v1/tenants/nobody/erasures", `{"event":"first"}`)
	got, _ := r.do(200, "GET", path+"?limit=1", "")
	got, _ = r.do(200, "GET", path+"?cursor="+got["next"].(string), "")
	if items := got["items"].([]any); len(items) != 1 || items[0].(map[string]any)["id"] != "ers_1" {
		r.tb.Errorf("got %v", got)
	}
}
