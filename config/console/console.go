package console

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Options is how an operator wants the console.
type Options struct {
	// Name stands in the title and above the menu; "Tidings" by default.
	Name string
	// Logo is the URL of an image: https, data:image/… or a path of this server.
	// Empty for Tidings' own.
	Logo string
	// Accent is a colour like "#635bff"; empty for Tidings' own.
	Accent string
	// FrameAncestors are the pages that may show the console in a frame, as
	// Content-Security-Policy writes them; 'none' by default. Whoever sets the
	// options has checked that it is that and nothing more.
	FrameAncestors string
	// Version is the binary's.
	Version string
}

// Paths are what [Handler] serves, as patterns of [http.ServeMux].
func Paths() []string {
	return []string{"GET /{$}", "GET /console/{version}/{file...}", "GET /console.json", "GET /favicon.ico"}
}

//go:embed web
var files embed.FS

// kinds are the files that are served, by their endings. Another one is a mistake
// in this package.
var kinds = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// asset is a file as it is sent.
type asset struct {
	kind, etag, cache string
	plain, zipped     []byte
}

// Handler serves the pages. It answers GET and HEAD of [Paths], and 404 elsewhere.
func Handler(o Options) http.Handler {
	c := &console{assets: map[string]asset{}, policy: policy(cmp.Or(o.FrameAncestors, "'none'"))}
	c.framed = o.FrameAncestors != "" && o.FrameAncestors != "'none'"
	c.load(o)
	return c
}

type console struct {
	assets map[string]asset // by path
	policy string
	framed bool // in pages of others
}

const (
	always = "public, max-age=31536000, immutable"
	anew   = "no-cache" // kept, and asked for by its ETag
)

// load reads the embedded files. They cannot fail to be read.
func (c *console) load(o Options) {
	all, sum := map[string][]byte{}, sha256.New()
	_ = fs.WalkDir(files, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		all[strings.TrimPrefix(name, "web/")] = content
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		return err
	})
	hash := hex.EncodeToString(sum.Sum(nil))[:16]
	for name, content := range all {
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			panic("console: web/" + name + " is of no kind that is served")
		}
		if name != "index.html" {
			c.assets["/console/"+hash+"/"+name] = newAsset(kind, always, content)
		}
	}
	c.assets["/"] = newAsset(kinds[".html"], anew, page(all, "/console/"+hash))
	c.assets["/favicon.ico"] = newAsset(kinds[".svg"], "public, max-age=86400", all["mark.svg"])
	settings, _ := json.Marshal(struct { // strings alone
		Name    string `json:"name"`
		Logo    string `json:"logo"`
		Accent  string `json:"accent"`
		Version string `json:"version"`
	}{cmp.Or(o.Name, "Tidings"), o.Logo, o.Accent, o.Version})
	c.assets["/console.json"] = newAsset("application/json", anew, settings)
}

// page is index.html with the addresses of the assets. It names the scripts that every
// page needs, so that the browser does not find them one after the other.
func page(all map[string][]byte, base string) []byte {
	var early strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if dir, file := path.Split(name); dir == "js/" && file != "theme.js" {
			early.WriteString(`<link rel="modulepreload" href="@assets/` + name + "\">\n")
		}
	}
	text := bytes.Replace(all["index.html"], []byte("@early\n"), []byte(early.String()), 1)
	return bytes.ReplaceAll(text, []byte("@assets"), []byte(base))
}

func newAsset(kind, cache string, content []byte) asset {
	sum := sha256.Sum256(content)
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that there is
	_, _ = z.Write(content)                               // a buffer takes it
	_ = z.Close()
	return asset{kind: kind, etag: hex.EncodeToString(sum[:12]), cache: cache, plain: content, zipped: b.Bytes()}
}

// policy lets the page load what comes from this server, and show images by https.
// Nothing inline runs, and nothing is sent elsewhere.
func policy(ancestors string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; " +
		"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors " + ancestors
}

// ServeHTTP serves one file.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", c.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if !c.framed {
		h.Set("X-Frame-Options", "DENY")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	a, ok := c.assets[r.URL.Path]
	if !ok {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "there is no such file: load the console anew, at /", http.StatusNotFound)
		return
	}
	content, etag := a.plain, `"`+a.etag+`"`
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		content, etag = a.zipped, `"`+a.etag+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", a.cache)
	h.Set("ETag", etag)
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", fmt.Sprint(len(content)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(content) // the browser may have gone
	}
}
