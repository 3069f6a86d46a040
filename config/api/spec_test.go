package api_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// description is openapi.yaml, with the schemas in it ready to judge: OpenAPI 3.1
// takes its schemas from JSON Schema 2020-12, so a validator of that is enough.
type description struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex // guards compiler and seen
	seen     map[string]bool
}

const specURL = "tidings:openapi"

var spec = sync.OnceValue(func() *description {
	file, err := os.ReadFile("openapi.yaml")
	if err != nil {
		panic(err)
	}
	b, err := yaml.YAMLToJSON(file)
	if err != nil {
		panic(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(specURL, doc); err != nil {
		panic(err)
	}
	return &description{doc: doc.(map[string]any), compiler: c, seen: map[string]bool{}}
})

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// operation is the described path and method of a request; empty if none is.
func (d *description) operation(method, target string) (path string, op map[string]any) {
	target, _, _ = strings.Cut(target, "?")
	for template, item := range d.doc["paths"].(map[string]any) {
		pattern := "^" + parameter.ReplaceAllString(regexp.QuoteMeta(strings.NewReplacer("{", "\x01", "}", "\x02").Replace(template)), "") + "$"
		pattern = regexp.MustCompile("\x01[a-z]+\x02").ReplaceAllString(pattern, "[^/]+")
		if regexp.MustCompile(pattern).MatchString(target) {
			if op, ok := item.(map[string]any)[strings.ToLower(method)].(map[string]any); ok {
				return template, op
			}
		}
	}
	return "", nil
}

// resolve follows a reference, and returns where the value is.
func (d *description) resolve(pointer string, value any) (string, map[string]any) {
	object, _ := value.(map[string]any)
	ref, ok := object["$ref"].(string)
	if !ok {
		return pointer, object
	}
	pointer = strings.TrimPrefix(ref, "#")
	var found any = d.doc
	for segment := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		found = found.(map[string]any)[segment]
	}
	return pointer, found.(map[string]any)
}

// holds judges a value by the schema at a JSON pointer of the description.
func (d *description) holds(pointer string, body []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.compiler.Compile(specURL + "#" + pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// described fails the test unless the description has the answer: its status,
// headers, media type and body. The body of a request that was taken has to be
// described too.
func described(tb testing.TB, q request, w *httptest.ResponseRecorder) {
	tb.Helper()
	d := spec()
	path, op := d.operation(q.method, q.path)
	if op == nil {
		if w.Code == 404 || w.Code == 405 {
			d.problem(tb, q, w)
			return
		}
		tb.Fatalf("%s %s is not described", q.method, q.path)
	}
	status := strconv.Itoa(w.Code)
	at := "/paths/" + escapePointer.Replace(path) + "/" + strings.ToLower(q.method)
	response, ok := op["responses"].(map[string]any)[status]
	if !ok {
		tb.Fatalf("%s %s: the status %s is not described: %s", q.method, path, status, w.Body)
	}
	d.mu.Lock()
	d.seen[q.method+" "+path+" "+status] = true
	d.mu.Unlock()
	where, described := d.resolve(at+"/responses/"+status, response)
	headers, _ := described["headers"].(map[string]any)
	for name, h := range headers {
		pointer, header := d.resolve(where+"/headers/"+name, h)
		value := w.Header().Get(name)
		if value == "" && header["required"] != true {
			continue
		}
		encoded, _ := json.Marshal(value)
		if err := d.holds(pointer+"/schema", encoded); err != nil {
			tb.Errorf("%s %s %s: header %s: %v", q.method, path, status, name, err)
		}
	}
	content, _ := described["content"].(map[string]any)
	if content == nil {
		if w.Body.Len() > 0 {
			tb.Errorf("%s %s %s: a body is not described: %s", q.method, path, status, w.Body)
		}
		return
	}
	media := w.Header().Get("Content-Type")
	described, ok = content[media].(map[string]any)
	if !ok {
		tb.Fatalf("%s %s %s: Content-Type %q is not described", q.method, path, status, media)
	}
	if described["schema"] != nil && media != "text/event-stream" {
		if err := d.holds(where+"/content/"+escapePointer.Replace(media)+"/schema", w.Body.Bytes()); err != nil {
			tb.Errorf("%s %s %s: %v\n%s", q.method, path, status, err, w.Body)
		}
	}
	d.request(tb, q, at, op, w.Code)
}

// request holds a JSON body that was taken to its description.
func (d *description) request(tb testing.TB, q request, at string, op map[string]any, status int) {
	tb.Helper()
	body, _ := op["requestBody"].(map[string]any)
	if status >= 300 || q.body == "" || body == nil {
		return
	}
	media := q.header["Content-Type"]
	if media == "" {
		media = "application/json"
	}
	if body["content"].(map[string]any)[media] == nil {
		tb.Errorf("%s %s: takes %s, which is not described", q.method, q.path, media)
		return
	}
	if err := d.holds(at+"/requestBody/content/"+escapePointer.Replace(media)+"/schema", []byte(q.body)); err != nil {
		tb.Errorf("%s %s takes what is not described: %v\n%s", q.method, q.path, err, q.body)
	}
}

// problem holds the refusal of what is no route to the form of all refusals.
func (d *description) problem(tb testing.TB, q request, w *httptest.ResponseRecorder) {
	tb.Helper()
	if err := d.holds("/components/schemas/Problem", w.Body.Bytes()); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
		tb.Errorf("%s %s: %v\n%s", q.method, q.path, err, w.Body)
	}
}

// operations are all described ones that want a token.
func (d *description) operations() (all []request) {
	for path, item := range d.doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" && strings.HasPrefix(path, "/v1/") {
				all = append(all, request{method: strings.ToUpper(method), path: path})
			}
		}
	}
	return all
}
