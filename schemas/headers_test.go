package schemas_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func withHeaders(headers map[string]schemas.Secret) error {
	e := validEndpoint()
	e.Headers = headers
	return e.Validate()
}

func validEndpoint() schemas.Endpoint {
	return schemas.Endpoint{ID: "ep_a", Tenant: "acme", URL: "https://example.com/hooks", Secrets: []schemas.Secret{schemas.NewSecret("whsec_x")}}
}

func TestHeadersOfAnEndpoint(t *testing.T) {
	many := func(n int) map[string]string {
		h := map[string]string{}
		for i := range n {
			h[fmt.Sprintf("X-%d", i)] = "v"
		}
		return h
	}
	for name, tt := range map[string]struct {
		headers map[string]string
		problem string // "" is valid
	}{
		"none":                 {nil, ""},
		"credentials":          {map[string]string{"Authorization": "Bearer top-secret", "X-Api-Key": "top-secret"}, ""},
		"odd but allowed":      {map[string]string{"x.!#$%&'*+-^_`|~9": "a\tb c"}, ""},
		"an empty value":       {map[string]string{"X-Empty": ""}, ""},
		"as many as go":        {many(schemas.MaxHeaders), ""},
		"too many":             {many(schemas.MaxHeaders + 1), "21 members"},
		"no name":              {map[string]string{"": "top-secret"}, "no header name"},
		"a name with a colon":  {map[string]string{"X:": "top-secret"}, "no header name"},
		"a name with a space":  {map[string]string{"X Y": "top-secret"}, "no header name"},
		"a name not of ASCII":  {map[string]string{"Größe": "top-secret"}, "no header name"},
		"a long name":          {map[string]string{strings.Repeat("x", 129): "top-secret"}, "no header name"},
		"the longest name":     {map[string]string{strings.Repeat("x", 128): "v"}, ""},
		"the connection's":     {map[string]string{"Transfer-Encoding": "top-secret"}, "set by the sender"},
		"the host":             {map[string]string{"hOsT": "top-secret"}, "set by the sender"},
		"the body's":           {map[string]string{"content-type": "top-secret"}, "set by the sender"},
		"the proof's":          {map[string]string{"Webhook-Signature": "top-secret"}, "set by the sender"},
		"an attribute":         {map[string]string{"CE-Id": "top-secret"}, "set by the sender"},
		"twice":                {map[string]string{"X-A": "top-secret", "x-a": "top-secret"}, "the same header"},
		"the longest value":    {map[string]string{"X-A": strings.Repeat("v", 4096)}, ""},
		"too long a value":     {map[string]string{"X-A": strings.Repeat("v", 4097)}, "4097 bytes"},
		"a line break":         {map[string]string{"X-A": "top-secret\r\nHost: x"}, "not printable"},
		"a space before":       {map[string]string{"X-A": " top-secret"}, "spaces around"},
		"a tab after":          {map[string]string{"X-A": "top-secret\t"}, "spaces around"},
		"a value not of ASCII": {map[string]string{"X-A": "top-secret é"}, "not printable"},
		"DEL":                  {map[string]string{"X-A": "top-secret\x7f"}, "not printable"},
	} {
		secrets := map[string]schemas.Secret{}
		for header, value := range tt.headers {
			secrets[header] = schemas.NewSecret(value)
		}
		err := withHeaders(secrets)
		switch {
		case tt.problem == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), tt.problem) || !strings.Contains(err.Error(), "ep_a"):
			t.Errorf("%s: got %v, want %q", name, err, tt.problem)
		case strings.Contains(err.Error(), "top-secret"):
			t.Errorf("%s: the error shows the value: %v", name, err)
		}
	}
}

func TestStatusesOfAnEndpoint(t *testing.T) {
	for key, valid := range map[string]bool{
		"200": true, "404": true, "599": true, "2xx": true, "5xx": true,
		"": false, "199": false, "600": false, "1xx": false, "6xx": false, "40x": false, "4x4": false, "xx4": false, "4XX": false,
		"4": false, "0404": false, "+40": false, "-44": false, " 404": false, "xxx": false, "4xxx": false, "٤٠٤": false,
	} {
		for action, known := range map[schemas.StatusAction]bool{
			schemas.StatusDelivered: true, schemas.StatusRetry: true, schemas.StatusDead: true, schemas.StatusDisable: true,
			"": false, "Dead": false, "ignore": false,
		} {
			e := validEndpoint()
			e.Policy.Statuses = map[string]schemas.StatusAction{key: action}
			err := e.Validate()
			if valid && known {
				if err != nil {
					t.Errorf("%q %s: %v", key, action, err)
				}
				continue
			}
			if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "policy.statuses") {
				t.Errorf("%q %s: got %v, want it refused", key, action, err)
			}
		}
	}
}

// FuzzHeaders sends what is valid, and wants it to arrive as it is, and nothing
// else with it.
func FuzzHeaders(f *testing.F) {
	f.Add("Authorization", "Bearer x")
	f.Add("x-a", "b\r\nHost: evil")
	f.Add("host", "a")
	f.Add("X_A", "a\tb")
	f.Fuzz(func(t *testing.T, name, value string) {
		if withHeaders(map[string]schemas.Secret{name: schemas.NewSecret(value)}) != nil {
			return
		}
		var wire bytes.Buffer
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.com/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"User-Agent": {"x"}}
		r.Header.Set(name, value)
		if err := r.Write(&wire); err != nil {
			t.Fatal(err)
		}
		got, err := http.ReadRequest(bufio.NewReader(&wire))
		if err != nil {
			t.Fatalf("%q: %q: %v", name, value, err)
		}
		got.Header.Del("Content-Length") // of an empty POST
		if got.Host != "example.com" || got.ContentLength != 0 || got.Header.Get(name) != value || len(got.Header) != 2 {
			t.Fatalf("%q: %q arrives as %+v", name, value, got.Header)
		}
	})
}
