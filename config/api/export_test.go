package api

import "slices"

// Routes are the routes that are served and want a token, sorted.
func Routes() (all []string) {
	for _, r := range (&API{}).routes() {
		all = append(all, r.method+" "+r.path)
	}
	slices.Sort(all)
	return all
}
