package announce

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// TypeQuota is the type of the event of a quota that is reached.
const TypeQuota = "quota.reached"

// Quotas announces quotas that are reached, each once an hour at most. It is safe for
// concurrent use.
type Quotas struct {
	// Wanted and Publish are as those of [Letters].
	Wanted  func(Announcement) bool
	Publish func(context.Context, Announcement) error
	Log     *slog.Logger

	mu   sync.Mutex           // guards what follows
	told map[string]time.Time // the hour in which a tenant was last told of a quota
	wg   sync.WaitGroup       // of what is being published
}

// publishWait is how long one announcement may take: less than the ack wait of a
// letter.
const publishWait = 5 * time.Second

// Reached notes that something was refused. It does not wait.
func (q *Quotas) Reached(tenant schemas.TenantID, quota, detail string) {
	now := time.Now()
	hour, key := now.Truncate(time.Hour), string(tenant)+" "+quota
	q.mu.Lock()
	known := q.told[key].Equal(hour)
	if !known {
		if q.told == nil {
			q.told = map[string]time.Time{}
		}
		q.told[key] = hour
	}
	q.mu.Unlock()
	a := Announcement{
		Tenant: tenant, Type: TypeQuota, Subject: quota, ID: fmt.Sprintf("%s.%s.%d", tenant, quota, hour.Unix()), At: now,
		Data: reached{quota, detail, now.UTC()},
	}
	if known || !q.Wanted(a) {
		return
	}
	q.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), publishWait)
		defer cancel()
		if err := q.Publish(ctx, a); err != nil {
			q.Log.WarnContext(ctx, "quota not announced", "tenant", tenant, "quota", quota, "error", err)
		}
	})
}

// Wait returns when all is published.
func (q *Quotas) Wait() { q.wg.Wait() }

// reached is the data of a [TypeQuota] event.
type reached struct {
	Quota  string    `json:"quota"`
	Detail string    `json:"detail"`
	At     time.Time `json:"at"`
}
