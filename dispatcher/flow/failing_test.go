package flow_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
)

// TestFailing lists attempts, each a time and whether it delivered, and the
// verdicts that are not to keep the endpoint.
func TestFailing(t *testing.T) {
	const day = 24 * time.Hour
	every := func(step, until time.Duration) (all []time.Duration) {
		for at := time.Duration(0); at <= until; at += step {
			all = append(all, at)
		}
		return all
	}
	standard := []time.Duration{0, 5 * time.Second, 5 * time.Minute, 35 * time.Minute, 155 * time.Minute, 8 * time.Hour, 18 * time.Hour, 32 * time.Hour}
	for name, tt := range map[string]struct {
		after     time.Duration
		fails     []time.Duration
		delivers  time.Duration // 0 for never
		want      map[time.Duration]flow.Verdict
		remaining int
	}{
		"every hour":                {5 * day, every(time.Hour, 5*day), 0, map[time.Duration]flow.Verdict{60 * time.Hour: flow.Warn, 5 * day: flow.Disable}, 121},
		"rare: warned late":         {day, every(6*time.Hour, 30*time.Hour), 0, map[time.Duration]flow.Verdict{24 * time.Hour: flow.Warn}, 6},
		"warned late, disabled on":  {day, every(6*time.Hour, 42*time.Hour), 0, map[time.Duration]flow.Verdict{24 * time.Hour: flow.Warn, 36 * time.Hour: flow.Disable, 42 * time.Hour: flow.Disable}, 8},
		"delivers in between":       {5 * day, every(time.Hour, 5*day), 59 * time.Hour, map[time.Duration]flow.Verdict{120 * time.Hour: flow.Warn}, 61},
		"two deliveries, no retry":  {5 * day, []time.Duration{0, 5 * day}, 0, nil, 2},
		"two bursts":                {5 * day, append(every(time.Second, 50*time.Second), 6*day, 6*day+time.Second), 0, nil, 2},
		"one delivery, its retries": {5 * day, standard, 0, nil, 7},
		"and another one much later": {
			5 * day, append(standard, 6*day, 6*day+5*time.Second, 6*day+5*time.Minute, 9*day), 0,
			map[time.Duration]flow.Verdict{6 * day: flow.Warn, 9 * day: flow.Disable},
			10,
		},
		"never":       {0, every(time.Hour, 30*day), 0, nil, 721},
		"within 10 m": {10 * time.Minute, every(10*time.Second, 10*time.Minute), 0, map[time.Duration]flow.Verdict{5 * time.Minute: flow.Warn, 10 * time.Minute: flow.Disable}, 11},
	} {
		var f flow.Failing
		for _, at := range tt.fails {
			want := flow.Keep
			if v, ok := tt.want[at]; ok {
				want = v
			}
			got := f.Done(zero.Add(at), false, tt.after)
			f = reread(t, f) // as after a restart
			if got != want {
				t.Errorf("%s: %s after %s, want %s", name, got, at, want)
			}
			if at == tt.delivers && at > 0 {
				if got := f.Done(zero.Add(at), true, tt.after); got != flow.Keep || f != (flow.Failing{}) {
					t.Errorf("%s: delivered: %s, %+v", name, got, f)
				}
			}
		}
		if f.Failures != tt.remaining {
			t.Errorf("%s: counted %d failures, want %d", name, f.Failures, tt.remaining)
		}
	}
}

// TestFailingLonger has a policy that allows more time after the warning.
func TestFailingLonger(t *testing.T) {
	var f flow.Failing
	const day = 24 * time.Hour
	for at := time.Duration(0); at < 10*day; at += time.Hour {
		after, want := day, flow.Keep
		if at > 12*time.Hour {
			after = 5 * day
		}
		switch {
		case at == 12*time.Hour:
			want = flow.Warn
		case at >= 5*day:
			want = flow.Disable
		}
		if got := f.Done(zero.Add(at), false, after); got != want {
			t.Errorf("%s after %s, want %s", got, at, want)
		}
	}
}

// reread stores f and reads it back.
func reread(t *testing.T, f flow.Failing) (back flow.Failing) {
	t.Helper()
	text, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// TestFailingResume has a restart at each of an endpoint's failures, of which
// nothing is known at first.
func TestFailingResume(t *testing.T) {
	const after = 10 * time.Hour
	var stored flow.Failing
	for i := range 31 {
		at := zero.Add(time.Duration(i) * 30 * time.Minute)
		var f flow.Failing
		if got := f.Done(at, false, 0); got != flow.Keep {
			t.Fatalf("%s of nothing", got)
		}
		want := flow.Keep
		switch {
		case i == 10:
			want = flow.Warn
		case i >= 20:
			want = flow.Disable
		}
		if got := f.Resume(stored, after); got != want || f.Failures != i+1 || !f.Since.Equal(zero) || !f.Last.Equal(at) {
			t.Errorf("failure %d: %s of %+v, want %s", i, got, f, want)
		}
		before := f
		var none flow.Failing
		if got := none.Resume(f, after); got != flow.Keep || none != before {
			t.Errorf("nothing since: %s of %+v, want %+v", got, none, before)
		}
		if got := f.Resume(flow.Failing{}, 0); got != flow.Keep || f != before {
			t.Errorf("nothing before: %s of %+v, want %+v", got, f, before)
		}
		stored = f
	}
	f := flow.Failing{Since: stored.Last.Add(time.Second), Last: stored.Last.Add(time.Second), Failures: 1}
	if f.Resume(stored, 0); f.Failures != stored.Failures {
		t.Errorf("two failures within a second count as %d", 1+f.Failures-stored.Failures)
	}
}
