package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// faultLog passes the server's warnings and errors on to slog and remembers
// the newest error; what it does when all is well stays unsaid.
type faultLog struct {
	log *slog.Logger

	mu       sync.Mutex // guards what follows
	fault    error      // set by Errorf and Fatalf
	fatal    bool       // set by Fatalf: the server has given up
	recovery recovery
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

// started says in one line that the server has recovered, if it had to.
func (l *faultLog) started() {
	l.mu.Lock()
	streams := l.recovery.ended()
	l.mu.Unlock()
	if len(streams) > 0 {
		l.log.Info("the embedded NATS server has recovered after an unclean stop: it has read these streams anew, and nothing is left to do", "streams", streams)
	}
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
	warning, level := fmt.Sprintf(format, args...), slog.LevelWarn
	l.mu.Lock()
	if l.recovery.takes(warning) {
		level = slog.LevelDebug
	}
	l.mu.Unlock()
	l.log.Log(context.Background(), level, "nats server", "detail", warning)
}

func (l *faultLog) Errorf(format string, args ...any) { l.record(fmt.Sprintf(format, args...), false) }

func (l *faultLog) Fatalf(format string, args ...any) { l.record(fmt.Sprintf(format, args...), true) }
