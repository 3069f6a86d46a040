package producers

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Encode is the JSON of a struct of event data. The MarshalJSON methods of the
// domain packages call it, so that a caller sets plain strings and times, and a
// receiver gets what it was promised:
//
//	a field                is encoded as
//	time.Time              RFC 3339 in UTC with milliseconds; null if zero
//	time.Time, unix:"us"   a count since 1970 of that unit (s, ms or us); null if zero
//	string, zero:"null"    null if empty
//	slice                  [] if nil; null if nil, with zero:"null"
//	*Session, unix:"ms"    a session whose end is a count of milliseconds
//
// Names, order, omitzero and all other fields are as in encoding/json. The
// fields of v must be exported, and none embedded.
func Encode(v any) ([]byte, error) {
	from := reflect.ValueOf(v)
	to := reflect.New(wireStruct(from.Type())).Elem()
	for i := range to.NumField() {
		value := from.Field(i).Convert(to.Field(i).Type())
		if neverNil(from.Type().Field(i)) && value.IsNil() {
			value = reflect.MakeSlice(value.Type(), 0, 0)
		}
		to.Field(i).Set(value)
	}
	return json.Marshal(to.Interface())
}

// Decode reads what [Encode] wrote into the struct that v points to. Only a
// struct with a unix time needs it; encoding/json reads the others.
func Decode(data []byte, v any) error {
	to := reflect.ValueOf(v).Elem()
	from := reflect.New(wireStruct(to.Type()))
	if err := json.Unmarshal(data, from.Interface()); err != nil {
		return err
	}
	for i := range to.NumField() {
		to.Field(i).Set(from.Elem().Field(i).Convert(to.Field(i).Type()))
	}
	return nil
}

// wireStructs keeps what wireStruct made, by Go type: making one takes three
// times as long as encoding with it (BenchmarkEncodeStruct).
var wireStructs sync.Map

// wireStruct is a struct of the same names whose types encode as [Encode] says.
func wireStruct(t reflect.Type) reflect.Type {
	if wire, ok := wireStructs.Load(t); ok {
		return wire.(reflect.Type)
	}
	fields := reflect.VisibleFields(t)
	for i, f := range fields {
		fields[i].Type = wireType(f)
	}
	wire := reflect.StructOf(fields)
	wireStructs.Store(t, wire)
	return wire
}

func wireType(f reflect.StructField) reflect.Type {
	switch unit := f.Tag.Get("unix"); {
	case f.Type == reflect.TypeFor[*Session]() && unit == "ms":
		return reflect.TypeFor[*authSession]()
	case f.Type == reflect.TypeFor[time.Time]():
		return wireTime(unit)
	case f.Type.Kind() == reflect.String && f.Tag.Get("zero") == "null":
		return reflect.TypeFor[nullString]()
	}
	return f.Type
}

func wireTime(unit string) reflect.Type {
	switch unit {
	case "s":
		return reflect.TypeFor[unixTime[second]]()
	case "ms":
		return reflect.TypeFor[unixTime[millisecond]]()
	case "us":
		return reflect.TypeFor[unixTime[microsecond]]()
	}
	return reflect.TypeFor[isoTime]()
}

func neverNil(f reflect.StructField) bool {
	return f.Type.Kind() == reflect.Slice && f.Tag.Get("zero") != "null" && !strings.Contains(f.Tag.Get("json"), ",omit")
}

const null = "null"

type nullString string

func (s nullString) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte(null), nil
	}
	return json.Marshal(string(s))
}

type isoTime time.Time

// IsZero is what omitzero asks.
func (t isoTime) IsZero() bool { return time.Time(t).IsZero() }

func (t isoTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte(null), nil
	}
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05.000Z07:00"`)), nil
}

func (t *isoTime) UnmarshalJSON(data []byte) error { return (*time.Time)(t).UnmarshalJSON(data) }

// unixTime is a count of a unit since 1970.
type unixTime[U unit] time.Time

type unit interface{ micros() int64 }

type (
	second      struct{}
	millisecond struct{}
	microsecond struct{}
)

func (second) micros() int64      { return 1_000_000 }
func (millisecond) micros() int64 { return 1_000 }
func (microsecond) micros() int64 { return 1 }

// IsZero is what omitzero asks.
func (t unixTime[U]) IsZero() bool { return time.Time(t).IsZero() }

func (t unixTime[U]) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte(null), nil
	}
	var u U
	return strconv.AppendInt(nil, time.Time(t).UnixMicro()/u.micros(), 10), nil
}

func (t *unixTime[U]) UnmarshalJSON(data []byte) error {
	var count *int64
	if err := json.Unmarshal(data, &count); err != nil || count == nil {
		return err
	}
	var u U
	*t = unixTime[U](time.UnixMicro(*count * u.micros()).UTC())
	return nil
}
