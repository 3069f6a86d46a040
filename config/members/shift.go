package members

import (
	"context"
	"slices"
	"sync"
)

// shift runs work for the partitions that are assigned at the moment.
type shift struct {
	work  func(ctx context.Context, partition int)
	posts map[int]*post
	wg    sync.WaitGroup
}

// post is one partition being worked on.
type post struct {
	cancel context.CancelFunc
	lost   bool          // cancelled: the partition has moved away
	done   chan struct{} // closed when work has returned
}

// assign stops what is no longer owned and starts what is new. A partition
// that comes back waits until its former work has returned.
func (s *shift) assign(ctx context.Context, partitions []int) {
	for p, post := range s.posts {
		if !slices.Contains(partitions, p) {
			post.cancel()
			post.lost = true
		}
	}
	for _, p := range partitions {
		former := s.posts[p]
		if former != nil && !former.lost {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		next := &post{cancel: cancel, done: make(chan struct{})}
		s.posts[p] = next
		s.wg.Go(func() {
			defer close(next.done)
			if former != nil {
				<-former.done
			}
			s.work(ctx, p)
		})
	}
}

func (s *shift) end() {
	for _, post := range s.posts {
		post.cancel()
	}
	s.wg.Wait()
}
