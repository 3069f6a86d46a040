package main_test

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkImport reports why a file may not import a package, or nil. File is a
// slash-separated path below the module's root.
func checkImport(file, imported string) error {
	folder := path.Dir(file)
	rule, ok := ruleFor(folder)
	if !ok {
		return fmt.Errorf("folder %s has no row in the import table: give it one", folder)
	}
	if imported == module {
		return errors.New("the module's root is not a package")
	}
	inTest := strings.HasSuffix(file, "_test.go") || isHelper(folder)
	if below, ok := strings.CutPrefix(imported, module+"/"); ok {
		return rule.checkModule(folder, below, inTest)
	}
	return rule.checkOutside(imported, inTest)
}

// checkModule judges an import of this module's own folder.
func (r importRule) checkModule(folder, imported string, inTest bool) error {
	inCmd := matches("cmd/...", folder)
	switch {
	case matches("deploy/...", imported), matches("cmd/...", imported) && !inCmd:
		return errors.New("nobody imports cmd or deploy")
	case imported == folder: // a package's own examples and outside tests
		return nil
	case isHelper(imported):
		if inTest || inCmd {
			return nil
		}
		return errors.New("test helpers are for tests")
	case matchesAny(r.module, imported):
		return nil
	}
	return fmt.Errorf("the row of %s allows from this module only %q", r.folder, r.module)
}

// checkOutside judges an import of the standard library or another module.
func (r importRule) checkOutside(imported string, inTest bool) error {
	first, _, _ := strings.Cut(imported, "/")
	standard := !strings.Contains(first, ".")
	if standard || matchesAny(r.outside, imported) || inTest && matchesAny(testImports, imported) {
		return nil
	}
	return fmt.Errorf("the row of %s allows beside the standard library only %q", r.folder, r.outside)
}

// ruleFor is the longest row that matches a folder; an exact one is longest.
func ruleFor(folder string) (best importRule, ok bool) {
	for _, r := range importRules {
		if r.folder == folder {
			return r, true
		}
		if matches(r.folder, folder) && len(r.folder) > len(best.folder) {
			best, ok = r, true
		}
	}
	return best, ok
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func matches(pattern, name string) bool {
	if pattern == anything {
		return true
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == tree || strings.HasPrefix(name, tree+"/")
	}
	return name == pattern
}

// isHelper reports whether a package holds test helpers, which its name says.
func isHelper(folder string) bool { return strings.HasSuffix(path.Base(folder), "test") }

// checkFolder reports why a folder may not be called what it is, or nil.
func checkFolder(folder string) error {
	if base := path.Base(folder); slices.Contains(bannedFolders, base) {
		return fmt.Errorf("folder %s: name it after what is in it, not %q", folder, base)
	}
	return nil
}
