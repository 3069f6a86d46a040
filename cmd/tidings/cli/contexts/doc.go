// Package contexts keeps servers, tokens and tenants under names, in a file that only
// its owner may read. What prints a context leaves its token out.
package contexts
