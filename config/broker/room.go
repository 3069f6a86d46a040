package broker

import (
	"fmt"

	"github.com/tidings-dev/tidings/schemas"
)

// Room is how much of a disk is free, in bytes. The zero value is a disk of which
// nothing is known.
type Room struct{ Free, Total uint64 }

// maxReserve is as much as is kept free of a large disk: what deliveries, retries
// and dead letters of the events that are stored may take, and what comes before
// anybody notices.
const maxReserve = 512 << 20

// Reserve is how much is to be left free for what follows from events that have
// been accepted: a twentieth of the disk, at most 512 MiB.
func (r Room) Reserve() uint64 { return min(r.Total/20, maxReserve) }

// Scarce reports whether less is free than the reserve: then no new events should
// be accepted.
func (r Room) Scarce() bool { return r.Free < r.Reserve() }

// Ample reports whether there is enough again, by a margin that keeps one from
// changing to and fro.
func (r Room) Ample() bool { return r.Free >= r.Reserve()/4*5 }

// String is how people read it.
func (r Room) String() string {
	return fmt.Sprintf("%d MiB of %d MiB are free", r.Free>>20, r.Total>>20)
}

// enough refuses a disk on which the server would fail as it starts.
func (r Room) enough(dir string) error {
	if least := r.Reserve() / 4; r.Free < least {
		return schemas.Errorf(schemas.CodeFull, "the disk of %s is full (%s, and a start needs %d KiB): make room, then start again; nothing that was stored is lost",
			dir, r, least>>10)
	}
	return nil
}

// Room is how much the disk of the data directory has left.
func (s *Server) Room() Room { return roomOf(s.dir) }
