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

// Taken is a route, and the parameters that it takes behind its path.
type Taken struct {
	Method, Path string
	Query        []string
}

// Queries are the parameters of all routes.
func Queries() (all []Taken) {
	for _, r := range (&API{}).routes() {
		all = append(all, Taken{r.method, r.path, r.query})
	}
	return all
}
