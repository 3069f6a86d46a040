package schemas_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// message is a binary-mode event with six attributes and 1 KiB of JSON.
func message() (schemas.Header, []byte) {
	data := `{"id":"usr_1","name":"Ada Lovelace","tags":["a","b"],"score":12.5,"bio":"` + strings.Repeat("lorem ipsum ", 78) + `"}`
	return schemas.Header{
		"ce-specversion":     {"1.0"},
		"ce-id":              {"4f5b1c2e-8d07-4a43-8f0e-0d2f8f3a6f10"},
		"ce-source":          {"https://api.example.com/users"},
		"ce-type":            {"user.created"},
		"ce-time":            {"2026-01-02T03:04:05.678Z"},
		"ce-datacontenttype": {"application/json"},
	}, []byte(data)
}

// BenchmarkDecodeEvent decodes and validates. Its ceiling is json.Valid of the
// data alone, measured in the same run.
func BenchmarkDecodeEvent(b *testing.B) {
	h, body := message()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schemas.DecodeEvent(h, body); err != nil {
			b.Fatal(err)
		}
	}
	took := b.Elapsed() / time.Duration(b.N)
	began := time.Now()
	for range b.N {
		_ = json.Valid(body)
	}
	b.ReportMetric(float64(took)/float64(max(time.Since(began)/time.Duration(b.N), 1)), "x/json.Valid")
}

func BenchmarkEncodeEvent(b *testing.B) {
	e, err := schemas.DecodeEvent(message())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := schemas.EncodeEvent(&e); err != nil {
			b.Fatal(err)
		}
	}
}

const benchSubject = "ready.7.ep_0123456789abcdefghijklmn"

// delivery is one that was tried as often as history says.
func delivery(attempts int) *schemas.Delivery {
	h, data := message()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	d := &schemas.Delivery{
		ID:       schemas.NewDeliveryID(at, 42, "ep_0123456789abcdefghijklmn"),
		Tenant:   "acme",
		Endpoint: "ep_0123456789abcdefghijklmn",
		Event:    h,
		Data:     data,
	}
	for n := range attempts {
		d.Attempts++
		d.History = schemas.AppendHistory(d.History, schemas.Attempt{
			Number: n + 1, At: at.Add(time.Duration(n) * time.Second), Duration: schemas.Duration(15 * time.Second),
			Reason: schemas.ReasonTimeout, Detail: "no response within 15s",
		})
	}
	return d
}

func BenchmarkDeliveryHeader(b *testing.B) {
	for name, d := range map[string]*schemas.Delivery{"first": delivery(0), "retry": delivery(1)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = d.Header()
			}
		})
	}
}

// BenchmarkReadDelivery makes the header anew each time, since reading takes it
// over; "ns/read" is the time without that.
func BenchmarkReadDelivery(b *testing.B) {
	for name, d := range map[string]*schemas.Delivery{"first": delivery(0), "retry": delivery(1)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := schemas.ReadDelivery(benchSubject, d.Header(), d.Data); err != nil {
					b.Fatal(err)
				}
			}
			began := time.Now()
			for range b.N {
				_ = d.Header()
			}
			b.ReportMetric(float64(b.Elapsed()-time.Since(began))/float64(b.N), "ns/read")
		})
	}
}

func BenchmarkNewDeliveryID(b *testing.B) {
	at := time.UnixMilli(1_700_000_000_000)
	b.ReportAllocs()
	for b.Loop() {
		_ = schemas.NewDeliveryID(at, 42, "ep_0123456789abcdefghijklmn")
	}
}
