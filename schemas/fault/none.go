//go:build !faults

package fault

// Here is where the process may die. It does nothing: the compiler leaves it out.
func Here(Point) {}
