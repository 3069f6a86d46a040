package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// faultLog passes the server's warnings and errors on to slog and remembers
// the newest error; what it does when all is well stays unsaid.
type faultLog struct {
	log *slog.Logger

	mu    sync.Mutex // guards what follows
	fault error      // set by Errorf and Fatalf
	fatal bool       // set by Fatalf: the server has given up
}

func (l *faultLog) gaveUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

func (l *faultLog) last() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault == nil {
		return errNoFault
	}
	return l.fault
}

func (l *faultLog) record(message string, fatal bool) {
	l.mu.Lock()
	l.fault = errors.New(message)
	l.fatal = l.fatal || fatal
	l.mu.Unlock()
	l.log.Error("nats server", "detail", message)
}

// Noticef, Warnf, Fatalf, Errorf, Debugf and Tracef are server.Logger's.

func (l *faultLog) Noticef(string, ...any) {}
func (l *faultLog) Debugf(string, ...any)  {}
func (l *faultLog) Tracef(string, ...any)  {}

func (l *faultLog) Warnf(format string, args ...any) {
	l.log.Warn("nats server", "detail", fmt.Sprintf(format, args...))
}

func (l *faultLog) Errorf(format string, args ...any) { l.record(fmt.Sprintf(format, args...), false) }

func (l *faultLog) Fatalf(format string, args ...any) { l.record(fmt.Sprintf(format, args...), true) }
