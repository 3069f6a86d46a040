package members_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/members"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const (
	partitions = 16
	ttl        = 10 * time.Second // as the bucket's
	soon       = 100 * time.Millisecond
)

// club is a bucket of members, and who works on what.
type club struct {
	t   *testing.T
	env *streamstest.Env

	mu    sync.Mutex // guards what follows
	work  map[string][]int
	moves int // how often work began
}

func newClub(t *testing.T) *club {
	t.Helper()
	return &club{t: t, env: streamstest.Start(t, streamstest.Small()), work: map[string][]int{}}
}

// member is one running.
type member struct {
	nc     *nats.Conn
	cancel context.CancelFunc
	done   chan error
}

// join runs a member whose work goes on for a while after it is told to end.
func (c *club) join(id string, linger time.Duration) *member {
	c.t.Helper()
	nc := c.env.Connect()
	js, err := jetstream.New(nc)
	if err != nil {
		c.t.Fatal(err)
	}
	kv, err := js.KeyValue(c.t.Context(), schemas.BucketMembers)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	m := &member{nc: nc, cancel: cancel, done: make(chan error, 1)}
	o := members.Options{Role: "dispatcher", ID: id, Partitions: partitions, TTL: ttl, Log: slog.New(slog.DiscardHandler)}
	one, err := members.New(ctx, kv, o)
	if err != nil {
		c.t.Fatal(err)
	}
	go func() {
		m.done <- one.Run(ctx, func(ctx context.Context, p int) {
			c.begin(id, p)
			<-ctx.Done()
			<-time.After(linger)
			c.end(id, p)
		})
	}()
	c.t.Cleanup(m.leave)
	return m
}

func (m *member) leave() {
	m.cancel()
	err := <-m.done
	m.done <- err
}

func (c *club) begin(id string, p int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moves++
	if slices.Contains(c.work[id], p) {
		c.t.Errorf("%s works on partition %d twice", id, p)
	}
	c.work[id] = append(c.work[id], p)
}

func (c *club) end(id string, p int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.work[id], p)
	c.work[id] = slices.Delete(c.work[id], i, i+1)
}

// busy is how many partitions a member works on.
func (c *club) busy(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.work[id])
}

// begun is how often work began.
func (c *club) begun() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moves
}

// covered wants every partition with exactly one of the ids, each of which has
// some, and returns who has which.
func (c *club) covered(ids ...string) map[int]string {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	owner := map[int]string{}
	for _, id := range ids {
		if len(c.work[id]) == 0 {
			c.t.Errorf("%s has nothing to do", id)
		}
		for _, p := range c.work[id] {
			if owner[p] != "" {
				c.t.Errorf("partition %d is worked on by %s and %s", p, owner[p], id)
			}
			owner[p] = id
		}
	}
	if len(owner) != partitions {
		c.t.Errorf("%d partitions are worked on by %v, want %d", len(owner), ids, partitions)
	}
	return owner
}

func TestPartitionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		c.join("a", 0)
		<-time.After(soon)
		one := c.covered("a")
		b := c.join("b", 0)
		<-time.After(soon)
		two := c.covered("a", "b")
		c.join("c", 0)
		<-time.After(soon)
		three := c.covered("a", "b", "c")
		for p := range partitions {
			if two[p] != one[p] && two[p] != "b" || three[p] != two[p] && three[p] != "c" {
				t.Errorf("partition %d went from %s to %s to %s: it moved without need", p, one[p], two[p], three[p])
			}
		}
		<-time.After(5 * ttl) // nobody moves while nobody comes or goes
		c.covered("a", "b", "c")
		moves := c.begun()
		if want := 2*partitions + c.busy("c") - count(two, "a"); moves != want {
			t.Errorf("work began %d times, want %d", moves, want)
		}

		b.leave()
		<-time.After(soon)
		after := c.covered("a", "c")
		for p := range partitions {
			if after[p] != three[p] && three[p] != "b" {
				t.Errorf("partition %d moved from %s to %s when b left", p, three[p], after[p])
			}
		}
	})
}

func count(owner map[int]string, id string) (n int) {
	for _, o := range owner {
		if o == id {
			n++
		}
	}
	return n
}

// A member that leaves is replaced at once, even if its work takes a while to
// end: its own shutdown must not keep others from the partitions.
func TestALeavingMemberIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		c.join("a", 0)
		<-time.After(soon)
		b := c.join("b", time.Minute)
		<-time.After(soon)
		c.covered("a", "b")
		b.cancel()
		<-time.After(soon)
		c.covered("a")
		if n := c.busy("b"); n == 0 {
			t.Error("b's work has ended already: the test shows nothing")
		}
		start := time.Now()
		b.leave()
		if took := time.Since(start); took < 50*time.Second || c.busy("b") > 0 {
			t.Errorf("b ended after %s with %d partitions at work; want it to wait for its work", took, c.busy("b"))
		}
	})
}

// A member that dies without a word is replaced when its time to live is over.
func TestADeadMemberIsReplacedAfterItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		c.join("a", 0)
		b := c.join("b", 0)
		<-time.After(time.Minute)
		c.covered("a", "b")
		b.nc.Close()
		b.leave()
		<-time.After(ttl / 2)
		if n := c.busy("a"); n == partitions {
			t.Error("a member was replaced that may still live")
		}
		<-time.After(ttl)
		c.covered("a")
	})
}

func TestWhoStartsTheBrokerNeedNotWaitForTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		killed := c.join("killed", 0)
		c.covered("killed")
		killed.nc.Close()
		killed.leave()
		if err := members.Clear(t.Context(), c.env.Members); err != nil {
			t.Fatal(err)
		}
		c.join("next", 0)
		<-time.After(soon)
		c.covered("next")
		if err := members.Clear(t.Context(), c.env.Members); err != nil { // a mistake: "next" is alive
			t.Fatal(err)
		}
		<-time.After(ttl)
		c.covered("next")
	})
}

// The roles have members of their own.
func TestRolesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		if _, err := c.env.Members.PutString(t.Context(), "fanout.z", ""); err != nil {
			t.Fatal(err)
		}
		c.join("a", 0)
		<-time.After(soon)
		c.covered("a")
	})
}

// While the server is away everyone goes on with what it has; afterwards the
// members find one another again, and the one that died meanwhile is replaced.
func TestMembersOutliveTheServer(t *testing.T) {
	for name, away := range map[string]time.Duration{"shortly": 2 * time.Second, "for long": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClub(t)
				c.join("a", 0)
				c.join("b", 0)
				dying := c.join("dying", 0)
				<-time.After(time.Minute)
				c.covered("a", "b", "dying")
				c.env.Down()
				dying.nc.Close()
				dying.leave()
				<-time.After(away)
				c.env.Up()
				<-time.After(3 * ttl)
				c.covered("a", "b")
				c.join("new", 0)
				<-time.After(ttl)
				c.covered("a", "b", "new")
			})
		})
	}
}

// Nobody takes over anything because the server was away.
func TestAServerThatWasAwayMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		c.join("a", 0)
		c.join("b", 0)
		<-time.After(time.Minute)
		before := c.begun()
		c.env.Down()
		<-time.After(10 * time.Minute)
		c.env.Up()
		<-time.After(3 * ttl)
		c.covered("a", "b")
		if n := c.begun() - before; n > 0 {
			t.Errorf("%d partitions moved", n)
		}
	})
}

// A partition that comes back while its former work still ends waits for that.
func TestAPartitionIsWorkedOnOnceByAMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		c.join("a", 5*time.Second)
		<-time.After(soon)
		b := c.join("b", 0)
		<-time.After(soon)
		b.leave()
		<-time.After(soon) // begin fails the test if a begins twice
		if n := c.busy("a"); n != partitions {
			t.Errorf("a works on %d partitions, want all still", n)
		}
		before := c.begun()
		<-time.After(6 * time.Second)
		c.covered("a")
		if c.begun() == before {
			t.Error("nothing began anew: the test shows nothing")
		}
	})
}

func TestOwners(t *testing.T) {
	if got := members.Owners(nil, 2); !slices.Equal(got, []string{"", ""}) {
		t.Errorf("of nobody, %q own them", got)
	}
	for _, partitions := range []int{1, 4, 32, 256} {
		for n := 1; n <= 9; n++ {
			ids := make([]string, n)
			for i := range ids {
				ids[i] = fmt.Sprintf("dispatcher-%c", 'a'+i)
			}
			owners := members.Owners(ids, partitions)
			has := map[string]int{}
			for _, owner := range owners {
				has[owner]++
			}
			for _, id := range ids {
				if has[id] != partitions/n && (has[id] != partitions/n+1 || partitions%n == 0) {
					t.Errorf("%s of %d has %d of %d", id, n, has[id], partitions)
				}
			}
			// Without a member its partitions move, and few others.
			for _, gone := range ids[:n-1] {
				rest := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == gone })
				moved := 0
				for p, now := range members.Owners(rest, partitions) {
					if now != owners[p] {
						moved++
					}
				}
				if most := 2*has[gone] + 3; moved > most {
					t.Errorf("%d of %d moved when %s left, one of %d that had %d; want at most %d", moved, partitions, gone, n, has[gone], most)
				}
			}
		}
	}
}

// A key that a process left behind when it died long ago is not taken for a
// member, and is removed.
func TestALongDeadMemberIsNotMistaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		if _, err := c.env.Members.PutString(t.Context(), "dispatcher.dead", ""); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * ttl)
		c.join("a", 0)
		<-time.After(soon)
		c.covered("a")
		if _, err := c.env.Members.Get(t.Context(), "dispatcher.dead"); err == nil {
			t.Error("the dead member's key is still there")
		}

		// One that just fell silent is waited for, and then its key goes too.
		if _, err := c.env.Members.PutString(t.Context(), "dispatcher.silent", ""); err != nil {
			t.Fatal(err)
		}
		<-time.After(soon)
		if n := c.busy("a"); n == partitions {
			t.Error("a new member was left without work")
		}
		<-time.After(2 * ttl)
		c.covered("a")
		if _, err := c.env.Members.Get(t.Context(), "dispatcher.silent"); err == nil {
			t.Error("the silent member's key is still there")
		}
	})
}
