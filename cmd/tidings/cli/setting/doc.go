// Package setting is what --set says: a path of members and elements, and a value for
// what it leads to.
package setting
