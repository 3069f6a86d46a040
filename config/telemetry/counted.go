package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// key are the values of an instrument's attributes, in its order. An attribute whose
// value is empty is left out.
type key [3]string

// set makes attributes of values.
func set(names []string, values []string) attribute.Set {
	var all []attribute.KeyValue
	for i, name := range names {
		if i < len(values) && values[i] != "" {
			all = append(all, attribute.String(name, values[i]))
		}
	}
	return attribute.NewSet(all...)
}

// sets keeps what an instrument was recorded with, made ready: T is its kind of
// options.
type sets[T any] struct {
	names []string
	ready func(attribute.Set) []T

	mu  sync.RWMutex // guards of
	of  map[key][]T
	one []T // of the key without values
}

func newSets[T any](names []string, ready func(attribute.Set) []T) *sets[T] {
	return &sets[T]{names: names, ready: ready, of: map[key][]T{}, one: ready(attribute.NewSet())}
}

func (s *sets[T]) get(k key) []T {
	if k == (key{}) {
		return s.one
	}
	s.mu.RLock()
	found, ok := s.of[k]
	s.mu.RUnlock()
	if ok {
		return found
	}
	made := s.ready(set(s.names, k[:]))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[k] = made // as many as there are values, which are few
	return made
}

// counter is one that is added to as things happen.
type counter struct {
	metric.Int64Counter
	sets *sets[metric.AddOption]
}

func (c *counter) start(m metric.Meter, i Instrument) (err error) {
	c.sets = newSets(i.Attributes, func(s attribute.Set) []metric.AddOption {
		return []metric.AddOption{metric.WithAttributeSet(s)}
	})
	c.Int64Counter, err = m.Int64Counter(i.Name, metric.WithUnit(i.Unit), metric.WithDescription(i.Meaning))
	return err
}

func (c *counter) add(ctx context.Context, n int64, k key) {
	if n > 0 && c.Enabled(ctx) {
		c.Add(ctx, n, c.sets.get(k)...)
	}
}

// begin makes a series that is 0.
func (c *counter) begin(ctx context.Context, k key) { c.Add(ctx, 0, c.sets.get(k)...) }

// histogram is of times, in seconds.
type histogram struct {
	metric.Float64Histogram
	sets *sets[metric.RecordOption]
}

func (h *histogram) start(m metric.Meter, i Instrument) (err error) {
	h.sets = newSets(i.Attributes, func(s attribute.Set) []metric.RecordOption {
		return []metric.RecordOption{metric.WithAttributeSet(s)}
	})
	h.Float64Histogram, err = m.Float64Histogram(i.Name,
		metric.WithUnit(i.Unit), metric.WithDescription(i.Meaning), metric.WithExplicitBucketBoundaries(i.Buckets...))
	return err
}

// record takes a time that is not negative: of two clocks one may be behind.
func (h *histogram) record(ctx context.Context, d time.Duration, k key) {
	if h.Enabled(ctx) {
		h.Record(ctx, max(0, d).Seconds(), h.sets.get(k)...)
	}
}
