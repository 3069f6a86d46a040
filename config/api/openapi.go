package api

import (
	_ "embed" // the description
	"net/http"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed openapi.yaml
var description []byte

// descriptionJSON is the same as JSON. A file that does not parse is a mistake in
// this package, which its tests find.
var descriptionJSON = sync.OnceValue(func() []byte {
	b, err := yaml.YAMLToJSON(description)
	if err != nil {
		panic("api: openapi.yaml: " + err.Error())
	}
	return b
})

func serveYAML(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, "application/yaml", description)
}

func serveJSON(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, "application/json", descriptionJSON())
}
