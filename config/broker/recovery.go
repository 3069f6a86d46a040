package broker

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// recovery is what the server says while it starts on data that a process left behind
// that was killed, or whose machine went down. Its snapshots of streams are older than
// the streams then, so it reads these anew: nothing is wrong, and it warns of it several
// times for each.
type recovery struct {
	over    bool            // the server has started
	streams map[string]bool // that were read anew
}

// normal are the beginnings of such warnings about a stream, as nats-server 2.15 words
// them (filestore.go). Those of a snapshot that is damaged are not among them.
var normal = []string{
	"Stream state outdated, ",
	"Stream state detected prior state, could not locate msg block ",
	"Recovering stream state from index errored: prior state file",
	"TTL state is outdated; attempting to recover ",
	"Message scheduling state is outdated; attempting to recover ",
	"Sourcing state is outdated; attempting to recover ",
}

var ofStream = regexp.MustCompile(`^Filestore \[([^\]]*)\] (.*)$`)

// takes reports whether a warning is one of these, and keeps whose it is.
func (r *recovery) takes(warning string) bool {
	parts := ofStream.FindStringSubmatch(warning)
	if r.over || parts == nil || !slices.ContainsFunc(normal, func(beginning string) bool { return strings.HasPrefix(parts[2], beginning) }) {
		return false
	}
	if r.streams == nil {
		r.streams = map[string]bool{}
	}
	r.streams[parts[1]] = true
	return true
}

// ended are the streams that were read anew. From now on no warning is one of these.
func (r *recovery) ended() []string {
	r.over = true
	return slices.Sorted(maps.Keys(r.streams))
}
