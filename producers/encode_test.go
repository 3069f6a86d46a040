package producers_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
)

// everything has a field of each kind that Encode words in its own way, and
// some that it leaves alone.
type everything struct {
	Plain   string             `json:"plain"`
	Nulled  string             `json:"nulled" zero:"null"`
	Named   kind               `json:"named" zero:"null"`
	Time    time.Time          `json:"time"`
	Left    time.Time          `json:"left,omitzero"`
	Seconds time.Time          `json:"seconds" unix:"s"`
	Millis  time.Time          `json:"millis" unix:"ms"`
	Micros  time.Time          `json:"micros,omitzero" unix:"us"`
	List    []string           `json:"list"`
	Nil     []string           `json:"nil" zero:"null"`
	Absent  []string           `json:"absent,omitzero"`
	Session *producers.Session `json:"session,omitzero" unix:"ms"`
	Any     any                `json:"any"`
}

type kind string

func (e everything) MarshalJSON() ([]byte, error)     { return producers.Encode(e) }
func (e *everything) UnmarshalJSON(data []byte) error { return producers.Decode(data, e) }

func TestEncode(t *testing.T) {
	at := time.Date(2025, 3, 1, 10, 0, 0, 123_456_789, time.FixedZone("CET", 3600))
	utc := at.UTC()
	for _, c := range []struct {
		name, want  string
		value, back everything // back is what comes of decoding, if it is not value
	}{
		{
			name: "zero",
			want: `{"plain":"","nulled":null,"named":null,"time":null,"seconds":null,"millis":null,"list":[],"nil":null,"any":null}`,
			back: everything{List: []string{}},
		},
		{
			name: "full",
			value: everything{
				Plain: "<p>", Nulled: "n", Named: "k", Time: at, Left: at, Seconds: at, Millis: at, Micros: at,
				List: []string{"l"}, Nil: []string{"n"}, Absent: []string{"a"}, Session: &producers.Session{ExpiresAt: at}, Any: true,
			},
			want: `{"plain":"\u003cp\u003e","nulled":"n","named":"k","time":"2025-03-01T09:00:00.123Z","left":"2025-03-01T09:00:00.123Z",` +
				`"seconds":1740819600,"millis":1740819600123,"micros":1740819600123456,"list":["l"],"nil":["n"],"absent":["a"],` +
				`"session":{"appPid":"","keyId":"","clientId":null,"connectionId":null,"socketId":null,"timestamp":null,"exp":1740819600123,"user":null},"any":true}`,
			back: everything{
				Plain: "<p>", Nulled: "n", Named: "k", Time: utc.Truncate(time.Millisecond), Left: utc.Truncate(time.Millisecond),
				Seconds: utc.Truncate(time.Second), Millis: utc.Truncate(time.Millisecond), Micros: utc.Truncate(time.Microsecond),
				List: []string{"l"}, Nil: []string{"n"}, Absent: []string{"a"},
				Session: &producers.Session{ExpiresAt: utc.Truncate(time.Millisecond)}, Any: true,
			},
		},
		{
			name: "empty is not nil", value: everything{Nil: []string{}, Absent: []string{}},
			want: `{"plain":"","nulled":null,"named":null,"time":null,"seconds":null,"millis":null,"list":[],"nil":[],"absent":[],"any":null}`,
			back: everything{List: []string{}, Nil: []string{}, Absent: []string{}},
		},
	} {
		got, err := json.Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v\nwant %s", c.name, got, err, c.want)
		}
		var back everything
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, c.back) {
			t.Errorf("%s: decoded %+v, %v\nwant %+v", c.name, back, err, c.back)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, data := range []string{`{"seconds":"2025-03-01T09:00:00Z"}`, `{"time":5}`, `{"session":{"exp":1.5}}`, `[]`, ``} {
		if err := json.Unmarshal([]byte(data), new(everything)); err == nil {
			t.Errorf("%s was decoded", data)
		}
	}
}

// A connection counts in seconds, a sign-up and a sign-in in milliseconds.
func TestSession(t *testing.T) {
	at := time.Date(2025, 1, 5, 10, 59, 50, 0, time.UTC)
	s := producers.Session{
		AppPID: "kd83hsy2p0ab", KeyID: "w9xk2m4n6q8r", ClientID: "Qm7TzK2vLx9P", ConnectionID: "kd83hsy2p0ab:aB3dE5fG7hJ9",
		Timestamp: at, ExpiresAt: at, User: &producers.SessionUser{ID: "u1", Username: "ada", LastOnline: at},
	}
	const want = `{"appPid":"kd83hsy2p0ab","keyId":"w9xk2m4n6q8r","clientId":"Qm7TzK2vLx9P","connectionId":"kd83hsy2p0ab:aB3dE5fG7hJ9",` +
		`"socketId":null,"timestamp":"2025-01-05T10:59:50.000Z","exp":1736074790,"user":{"id":"u1","clientId":null,` +
		`"username":"ada","isOnline":false,"lastOnline":"2025-01-05T10:59:50.000Z","blockedAt":null,"firstName":null,"lastName":null}}`
	got, err := json.Marshal(s)
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	var back producers.Session
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("decoded %+v, %v\nwant %+v", back, err, s)
	}
}

// BenchmarkEncodeStruct compares Encode to the ceiling: encoding/json alone,
// with the same fields.
func BenchmarkEncodeStruct(b *testing.B) {
	type plain producers.SessionUser
	u := producers.SessionUser{ID: "u1", Username: "ada", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	for name, v := range map[string]any{"ceiling": plain(u), "encode": u} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := json.Marshal(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
