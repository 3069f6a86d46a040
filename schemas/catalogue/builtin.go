package catalogue

import (
	"embed"
	"io/fs"
	"slices"
	"sync"
)

//go:embed events/*.json events/defs/*.json form.json
var files embed.FS

// Builtin are the types that come with Tidings, sorted by type.
func Builtin() []*Type { return slices.Clone(builtin()) }

// builtin reads the files when they are first needed. A file that does not
// parse is a mistake in this package, which its tests find.
var builtin = sync.OnceValue(func() []*Type {
	types, err := ReadDir(folder("events"))
	if err != nil {
		panic("catalogue: " + err.Error())
	}
	return types
})

var builtinByType = sync.OnceValue(func() map[string]*Type {
	byType := make(map[string]*Type)
	for _, t := range builtin() {
		byType[t.Type] = t
	}
	return byType
})

// folder is a folder of the embedded files.
func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic("catalogue: " + err.Error())
	}
	return sub
}
