package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	runtimemetrics "runtime/metrics"
	"slices"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/tidings-dev/tidings/schemas"
)

// Observe takes a value of an instrument, with the values of its attributes in their
// order.
type Observe func(value float64, attributes ...string)

// Watch has read called whenever somebody looks at an instrument of [Instruments] that
// is watched. It must be quick, and safe for concurrent use; a second call for the same
// instrument adds series. The values of its attributes must be few.
func (t *Telemetry) Watch(instrument string, read func(Observe)) error {
	all := Instruments()
	n := slices.IndexFunc(all, func(i Instrument) bool { return i.Name == instrument })
	if n < 0 || !all[n].watched {
		return fmt.Errorf("watch %s: there is no such instrument", instrument)
	}
	i := all[n]
	m := t.meters.Meter(scope, metric.WithInstrumentationVersion(t.o.Version))
	callback := metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
		read(func(value float64, values ...string) {
			o.Observe(value, metric.WithAttributeSet(set(i.Attributes, values)))
		})
		return nil
	})
	var err error
	if i.Kind == Counter {
		_, err = m.Float64ObservableCounter(i.Name, callback, metric.WithUnit(i.Unit), metric.WithDescription(i.Meaning))
	} else {
		_, err = m.Float64ObservableGauge(i.Name, callback, metric.WithUnit(i.Unit), metric.WithDescription(i.Meaning))
	}
	return err
}

// Backlog is what waits for one endpoint.
type Backlog struct {
	Endpoint schemas.EndpointID
	Tenant   schemas.TenantID
	Held     int       // deliveries in its held queue, or in the one they are pulled from
	Oldest   time.Time // when its oldest event that is undelivered was stored; zero if unknown
}

// WatchBacklogs watches [OldestDelivery], [WorstByAge] and [WorstByHeld] by what waits
// for each endpoint, however many there are.
func (t *Telemetry) WatchBacklogs(read func() []Backlog) error {
	return t.watchBacklogs(OldestDelivery, WorstByAge, WorstByHeld, read)
}

// WatchPulled watches [PulledWaiting], [PulledEndpoints], [PulledOldest],
// [WorstPulledByAge] and [WorstPulledByCount] by what waits to be pulled from each
// endpoint, however many there are.
func (t *Telemetry) WatchPulled(read func() []Backlog) error {
	err := t.Watch(PulledWaiting, func(observe Observe) {
		sum := 0
		for _, b := range read() {
			sum += b.Held
		}
		observe(float64(sum))
	})
	if err != nil {
		return err
	}
	err = t.Watch(PulledEndpoints, func(observe Observe) {
		waiting := slices.DeleteFunc(slices.Clone(read()), func(b Backlog) bool { return b.Held == 0 })
		observe(float64(len(waiting)))
	})
	if err != nil {
		return err
	}
	return t.watchBacklogs(PulledOldest, WorstPulledByAge, WorstPulledByCount, read)
}

// watchBacklogs watches the instruments for the oldest of each tenant, and for the
// endpoints that are worst by age and by count.
func (t *Telemetry) watchBacklogs(oldest, byAge, byCount string, read func() []Backlog) error {
	err := t.Watch(oldest, func(observe Observe) {
		oldest := map[string]float64{}
		if t.tenants.most <= 0 {
			oldest[""] = 0
		}
		for _, b := range read() {
			name := t.tenants.name(b.Tenant)
			oldest[name] = max(oldest[name], age(b.Oldest))
		}
		for name, seconds := range oldest {
			observe(seconds, name)
		}
	})
	if err != nil {
		return err
	}
	worst := func(by func(Backlog) float64) func(Observe) {
		return func(observe Observe) {
			for _, b := range t.worst(read(), by) {
				observe(by(b), string(b.Endpoint))
			}
		}
	}
	if err := t.Watch(byAge, worst(func(b Backlog) float64 { return age(b.Oldest) })); err != nil {
		return err
	}
	return t.Watch(byCount, worst(func(b Backlog) float64 { return float64(b.Held) }))
}

// worst are the few with the most, of those that have any.
func (t *Telemetry) worst(all []Backlog, by func(Backlog) float64) []Backlog {
	all = slices.DeleteFunc(slices.Clone(all), func(b Backlog) bool { return by(b) <= 0 })
	slices.SortFunc(all, func(a, b Backlog) int {
		return cmp.Or(cmp.Compare(by(b), by(a)), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	return all[:min(len(all), max(0, t.o.Endpoints))]
}

// age is how long ago a time was, in seconds; 0 of the zero time.
func age(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(0, time.Since(at).Seconds())
}

// watchRuntime watches what any Go process can tell of itself.
func (t *Telemetry) watchRuntime() error {
	if err := t.Watch(buildInfo, func(o Observe) { o(1, t.o.Version, runtime.Version()) }); err != nil {
		return err
	}
	if err := t.Watch(goroutines, func(o Observe) { o(float64(runtime.NumGoroutine())) }); err != nil {
		return err
	}
	return t.Watch(memoryUsed, func(o Observe) {
		sample := []runtimemetrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		runtimemetrics.Read(sample)
		if sample[0].Value.Kind() == runtimemetrics.KindUint64 && sample[1].Value.Kind() == runtimemetrics.KindUint64 {
			o(float64(sample[0].Value.Uint64() - sample[1].Value.Uint64()))
		}
	})
}
