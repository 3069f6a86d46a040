// Package nodetest runs JavaScript in the machine's Node, so that the libraries
// receivers use judge what Tidings sends.
//
// Its packages are pinned by package-lock.json and installed once, into the
// user's cache. A machine without Node or npm, or without a way to the packages,
// skips the test with a sentence; where the environment variable CI is set it
// fails instead.
package nodetest

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runLimit bounds one script; it is generous, for busy machines.
const runLimit = 2 * time.Minute

// Run runs a script to its end and returns its standard output. The script is
// the path of an .mjs file; it may import the packages of package.json and the
// .mjs files beside it, and finds args at process.argv[2] and after. If it exits
// with anything but 0 the test fails with what it wrote to standard error.
func Run(tb testing.TB, script string, stdin []byte, args ...string) []byte {
	tb.Helper()
	n := prepare(tb, script)
	ctx, cancel := context.WithTimeout(tb.Context(), runLimit)
	defer cancel()
	cmd := n.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		tb.Fatalf("node %s: %v\n%s", script, err, stderr.Bytes())
	}
	return stdout.Bytes()
}

// untilOrphaned ends a server whose test was killed and could not end it.
const untilOrphaned = `data:text/javascript,process.stdin.on("end",()=>process.exit()).resume()`

// Start runs a script that serves HTTP until the test ends, and returns its URL,
// without a slash at the end. The script listens on 127.0.0.1, port 0, and writes
// the port it got as the first line of its standard output. It is found, and
// finds its arguments, as [Run] says. What else it writes is logged if the test
// fails. Only this process is ended.
func Start(tb testing.TB, script string, args ...string) (url string) {
	tb.Helper()
	n := prepare(tb, script)
	n.flags = append(n.flags, "--import", untilOrphaned)
	cmd := n.command(tb.Context(), args...) // ended just before the clean-ups
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("node %s: %v", script, err)
	}
	first, rest := make(chan string, 1), make(chan string, 1)
	go func() { // ends with the process, whose clean-up waits for it
		r := bufio.NewReader(stdout)
		line, _ := r.ReadString('\n')
		first <- strings.TrimSpace(line)
		var more strings.Builder
		_, _ = r.WriteTo(&more)
		rest <- more.String()
	}()
	tb.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		var said string
		select {
		case said = <-rest:
		case <-time.After(endLimit): // a child of its own holds the pipe open: Wait closes it
		}
		_ = cmd.Wait() // killed: an error is expected
		if tb.Failed() {
			tb.Logf("node %s said:\n%s%s", script, said, stderr.String())
		}
	})
	select {
	case line := <-first:
		port, err := strconv.ParseUint(line, 10, 16)
		if err != nil {
			tb.Fatalf("node %s: its first line is %q, want a port", script, line)
		}
		return "http://" + net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10))
	case <-time.After(runLimit):
		tb.Fatalf("node %s: no port after %s", script, runLimit)
	}
	panic("unreachable")
}
