package near

import (
	"fmt"
	"slices"
	"strings"
)

// Types says of each type or pattern of types that no known type meets, and that is
// near one that would be met, which that is. Others are somebody's own: nothing is
// said of them.
func Types(written, known []string) (hints []string) {
	for _, w := range written {
		like := shapes(w, known)
		if slices.Contains(like, w) {
			continue
		}
		if meant, ok := Word(w, like); ok {
			hints = append(hints, fmt.Sprintf("No known event type is %q: did you mean %s? It is taken as it is written.", w, meant))
		}
	}
	return hints
}

// Known reports whether a known type is, or is met by, each of some types and patterns.
func Known(written, known []string) bool {
	return !slices.ContainsFunc(written, func(w string) bool { return !slices.Contains(shapes(w, known), w) })
}

// shapes are the known types as a pattern would have to be written to be met by them:
// "rom.*" could be "room.*" or "user.*".
func shapes(pattern string, known []string) []string {
	want := strings.Split(pattern, ".")
	open := len(want) > 0 && want[len(want)-1] == "*"
	var all []string
	for _, k := range known {
		has := strings.Split(k, ".")
		if len(has) < len(want) || len(has) > len(want) && !open {
			continue
		}
		shape := slices.Clone(has[:len(want)])
		for i, segment := range want {
			if segment == "*" {
				shape[i] = "*"
			}
		}
		all = append(all, strings.Join(shape, "."))
	}
	return all
}
