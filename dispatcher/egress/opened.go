package egress

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// opened counts the connections of a transport. Each is a file of the process, and
// those are few: where there are more than most, those that no request uses are closed.
// Where the process has no file left all the same, which is not the receiver's fault, the
// next one is waited for.
type opened struct {
	most      int64  // 0 is no bound
	closeIdle func() // set before the first dial
	n         atomic.Int64
}

// counting is dial, whose connections are counted.
func (o *opened) counting(dial dialer) dialer {
	if o.most == 0 {
		return dial
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if o.n.Add(1) > o.most {
			o.closeIdle()
		}
		c, err := dial(ctx, network, addr)
		for noFile(err) && pause(ctx) {
			o.closeIdle()
			c, err = dial(ctx, network, addr)
		}
		if err != nil {
			o.n.Add(-1)
			return nil, err
		}
		return &counted{Conn: c, of: o}, nil
	}
}

func noFile(err error) bool { return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) }

// pause waits a moment, unless ctx ends before.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(filePause):
		return true
	case <-ctx.Done():
		return false
	}
}

// filePause is how long another file may take to be closed.
const filePause = 10 * time.Millisecond

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	of     *opened
	closed atomic.Bool
}

// Close is [net.Conn.Close].
func (c *counted) Close() error {
	if !c.closed.Swap(true) {
		c.of.n.Add(-1)
	}
	return c.Conn.Close()
}

// SyscallConn is [syscall.Conn], of a connection that is a socket.
func (c *counted) SyscallConn() (syscall.RawConn, error) {
	if socket, ok := c.Conn.(syscall.Conn); ok {
		return socket.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
