// Package usage is how all commands are worded, and what they exit with.
//
//	exit code 0  done
//	exit code 1  it did not work: refused, not delivered, not in order
//	exit code 2  the command is worded wrongly, or needs --yes; nothing was changed
//	exit code 3  what was named does not exist
//	exit code 4  the token, or the user of NATS, does not allow it
//	exit code 5  the server gives no answer
package usage
