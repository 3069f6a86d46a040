package deliverylog

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// cluster is a PostgreSQL of this process's own, started when first asked for. It ends,
// and its files go, when this process does: the shell it runs under waits for the end
// of a pipe that nobody else holds.
var cluster = sync.OnceValues(startPostgres)

var databases atomic.Int64

// clusterScript is given the folder of the programs, that of the data, and the port.
const clusterScript = `
trap 'rm -rf "$2"' EXIT
"$1/initdb" -D "$2/data" -U tidings -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$2/log" 2>&1 || { tail -n 5 "$2/log"; exit 1; }
"$1/postgres" -D "$2/data" -k "" -h 127.0.0.1 -p "$3" -F -c logging_collector=off >"$2/log" 2>&1 </dev/null &
until "$1/pg_isready" -q -h 127.0.0.1 -p "$3"; do kill -0 $! 2>/dev/null || { tail -n 5 "$2/log"; exit 1; }; sleep 0.05; done
echo ready
read -r _
kill -QUIT $!
wait $!
`

// startPostgres returns the URL of a new cluster, up to the database's name; or empty if
// PostgreSQL is not installed.
func startPostgres() (url string, err error) {
	bin := postgresPrograms()
	if bin == "" {
		return "", nil
	}
	dir, err := os.MkdirTemp("", "tidings-postgres-")
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	c := exec.Command("sh", "-c", clusterScript, "sh", bin, dir, port)
	c.Dir = dir
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			return "", err
		}
		uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return "", err
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	hold, keep, err := os.Pipe()
	if err != nil {
		return "", err
	}
	said, say, err := os.Pipe()
	if err != nil {
		return "", err
	}
	c.Stdin, c.Stdout, c.Stderr = hold, say, say
	if err := c.Start(); err != nil {
		return "", err
	}
	_, _ = hold.Close(), say.Close()
	postgresPipe = keep
	answer := make([]byte, 1<<10)
	n, err := said.Read(answer)
	if first, _, _ := strings.Cut(string(answer[:n]), "\n"); first != "ready" {
		return "", fmt.Errorf("PostgreSQL does not start: %s, %w", answer[:n], err)
	}
	return "postgres://tidings@" + net.JoinHostPort("127.0.0.1", port) + "/", nil
}

// postgresPipe is held open, and so the cluster.
var postgresPipe *os.File

// postgresPrograms is the folder of initdb and postgres, which Debian keeps off the
// PATH; empty if there is none.
func postgresPrograms() string {
	var found []string
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	more, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, path := range append(found, more...) {
		if program, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(program)
		}
	}
	return ""
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close() //nolint:errcheck // only its number was wanted
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// newPostgres is the URL of a new, empty database.
func newPostgres(tb testing.TB) string {
	tb.Helper()
	base, err := cluster()
	if err != nil {
		tb.Fatal(err)
	}
	if base == "" {
		if os.Getenv("CI") != "" { //nolint:forbidigo // whether this is CI is no setting of ours
			tb.Fatal("CI needs PostgreSQL: install the package postgresql")
		}
		tb.Skip("PostgreSQL is not installed: no initdb on the PATH or in /usr/lib/postgresql")
	}
	s, err := openPostgres(base + "postgres")
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only a database was wanted
	name := fmt.Sprintf("test%d", databases.Add(1))
	if _, err := s.write.Exec("CREATE DATABASE " + name); err != nil {
		tb.Fatal(err)
	}
	return base + name
}

func newSQLite(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "log.db")
}
