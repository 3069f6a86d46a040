package filter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// header is what an event has that says nothing else.
func header(more ...string) schemas.Header {
	h := schemas.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/shop"}, "ce-type": {"order.paid"},
		"ce-time": {"2026-01-02T15:04:05Z"}, "ce-datacontenttype": {"application/json"},
	}
	for i := 0; i < len(more); i += 2 {
		h["ce-"+more[i]] = []string{more[i+1]}
	}
	return h
}

// filters reads what a person would write.
func filters(t testing.TB, text string) (all []schemas.Filter) {
	t.Helper()
	if err := json.Unmarshal([]byte("["+text+"]"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func compile(t testing.TB, text string) *filter.Condition {
	t.Helper()
	c, err := filter.NewCompiler().Compile(filters(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const order = `{"id":"o1","n":9007199254740993,"big":18446744073709551615,"price":2.5,"paid":true,"none":null,
	"who":{"name":"A\u00e9","a/b":1},"lines":[{"sku":"x","n":1},{"sku":"y","n":2}],"twice":"old","twice":"new","exp":1e3}`

func TestHolds(t *testing.T) {
	cases := []struct {
		name, filters string
		where, why    string // of what fails; empty if all hold
	}{
		{"none", ``, "", ""},
		{"exact", `{"exact":{"type":"order.paid","subject":"s 1","region":"eu"}}`, "", ""},
		{"exact, another case", `{"exact":{"type":"Order.paid"}}`, "filters[0].exact.type", `the attribute type is not "Order.paid"`},
		{"exact, one of two", `{"exact":{"type":"order.paid","source":"x"}}`, "filters[0].exact.source", "is not"},
		{"exact, not there", `{"exact":{"city":"x"}}`, "filters[0].exact.city", "the attribute city is not there"},
		{"prefix", `{"prefix":{"type":"order."}}`, "", ""},
		{"prefix fails", `{"prefix":{"type":"paid"}}`, "filters[0].prefix.type", "does not start with"},
		{"suffix", `{"suffix":{"type":".paid"}}`, "", ""},
		{"suffix fails", `{"suffix":{"type":"order"}}`, "filters[0].suffix.type", "does not end in"},
		{"data", `{"exact":{"/id":"o1","/who/name":"Aé","/who/a~1b":"1","/paid":"true","/n":"9007199254740993","/price":"2.5"}}`, "", ""},
		{"a number as it is written", `{"exact":{"/exp":"1000"}}`, "filters[0].exact./exp", "is not"},
		{"any element", `{"exact":{"/lines/*/sku":"y"}},{"exact":{"/lines/0/sku":"x"}}`, "", ""},
		{"no element", `{"exact":{"/lines/*/sku":"z"}}`, "filters[0].exact./lines/*/sku", `the value at "/lines/*/sku" is not "z"`},
		{"any member", `{"exact":{"/*/name":"Aé"}}`, "", ""},
		{"null is no value", `{"prefix":{"/none":"n"}}`, "filters[0].prefix./none", "is not there"},
		{"nor is an object", `{"prefix":{"/who":"{"}}`, "filters[0].prefix./who", "is not there"},
		{"twice: the last counts", `{"exact":{"/twice":"new"}},{"cel":"data.twice == 'new'"},{"not":{"exact":{"/twice":"old"}}}`, "", ""},
		{"all", `{"all":[{"exact":{"/id":"o1"}},{"prefix":{"source":"/"}}]}`, "", ""},
		{"all fails", `{"all":[{"exact":{"/id":"o1"}},{"prefix":{"source":"x"}}]}`, "filters[0].all[1].prefix.source", "does not start"},
		{"any", `{"any":[{"exact":{"/id":"o2"}},{"prefix":{"source":"/"}}]}`, "", ""},
		{"any fails", `{"any":[{"exact":{"/id":"o2"}},{"prefix":{"source":"x"}}]}`, "filters[0].any", "none of its 2"},
		{"not", `{"not":{"exact":{"/id":"o2"}}}`, "", ""},
		{"not fails", `{"exact":{"/id":"o1"}},{"not":{"exact":{"/id":"o1"}}}`, "filters[1].not", "holds"},
		{"not of what is not there", `{"not":{"exact":{"city":"x"}}}`, "", ""},
		{"sql", `{"sql":"type LIKE 'order.%' AND region = 'eu'"}`, "", ""},
		{"sql fails", `{"sql":"region = 'us'"}`, "filters[0].sql", "false"},
		{"sql, cast", `{"sql":"level > 2 AND 'true'"}`, "", ""},
		{"sql, not there", `{"sql":"city = 'x'"}`, "filters[0].sql", "cannot be judged"},
		{"cel", `{"cel":"data.who.name.startsWith('A') && type == 'order.paid' && subject == 's 1' && attributes.region == 'eu'"}`, "", ""},
		{"cel, time", `{"cel":"time > timestamp('2026-01-01T00:00:00Z') && time.getFullYear() == 2026"}`, "", ""},
		{"cel, large numbers are exact", `{"cel":"data.n == 9007199254740993 && data.n != 9007199254740992"}`, "", ""},
		{"cel, numbers too large for an int", `{"cel":"data.big == 18446744073709551615u && data.n < data.big"}`, "", ""},
		{"cel, doubles", `{"cel":"data.price > 2 && data.exp == 1000 && data.price * 2.0 == 5.0"}`, "", ""},
		{"cel, a list", `{"cel":"data.lines.exists(l, l.n > 1) && data.lines.size() == 2"}`, "", ""},
		{"cel, null", `{"cel":"data.none == null"}`, "", ""},
		{"cel, has", `{"cel":"has(data.id) && !has(data.x) && !has(attributes.city)"}`, "", ""},
		{"cel fails", `{"cel":"data.id == 'o2'"}`, "filters[0].cel", "the expression is false"},
		{"cel, no member", `{"cel":"data.x == 1"}`, "filters[0].cel", "member is not there"},
		{"cel, no attribute", `{"cel":"dataschema == 'x'"}`, "filters[0].cel", "member is not there"},
		{"cel, no boolean", `{"cel":"data.id"}`, "filters[0].cel", "not of the type"},
		{"cel, a failing cast", `{"cel":"int(data.id) == 1"}`, "filters[0].cel", "not of the type"},
		{"cel, not of what cannot be judged", `{"not":{"cel":"data.x == 1"}}`, "", ""},
		{"cel, an error that does not matter", `{"cel":"data.x == 1 || data.id == 'o1'"}`, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			condition := compile(t, c.filters)
			var e filter.Event
			for range 2 { // an event may be used again
				e.Reset(header("subject", "s%201", "region", "eu", "level", "3"), []byte(order))
				f, failed := condition.Failure(&e)
				if failed == condition.Holds(&e) || failed != (c.where != "") || f.Where != c.where || !strings.Contains(f.Why, c.why) {
					t.Errorf("fails %t: %+v; want %q, %q", failed, f, c.where, c.why)
				}
				if strings.Contains(f.Why, "o1") {
					t.Errorf("%q repeats data", f.Why)
				}
			}
		})
	}
}

func TestFailuresAreCounted(t *testing.T) {
	condition := compile(t, `{"any":[{"cel":"data.x == 1"},{"sql":"city = 'x'"},{"cel":"data.id == 'x'"}]}`)
	var e filter.Event
	e.Reset(header(), []byte(`{"id":"1"}`))
	if condition.Holds(&e) || e.Failures() != 2 {
		t.Errorf("%d failures", e.Failures())
	}
}

func TestCostIsLimited(t *testing.T) {
	condition := compile(t, `{"cel":"data.all(a, data.all(b, data.all(c, data.all(d, a + b + c + d >= 0))))"}`)
	var e filter.Event
	e.Reset(header(), []byte("[0"+strings.Repeat(",1", 999)+"]"))
	f, failed := condition.Failure(&e)
	if !failed || !strings.Contains(f.Why, "costs more") {
		t.Errorf("%t: %+v", failed, f)
	}
}

func TestNoData(t *testing.T) {
	var e filter.Event
	e.Reset(header(), nil)
	if !compile(t, `{"cel":"data == null"},{"not":{"exact":{"/a":"b"}}}`).Holds(&e) {
		t.Error("an event without data")
	}
	e.Reset(header(), []byte(`{"a":`))
	if compile(t, `{"cel":"data == null || true"}`).Holds(&e) == compile(t, `{"cel":"data != null"}`).Holds(&e) {
		t.Error("data that is no JSON")
	}
}

func TestCheck(t *testing.T) {
	known := func(names ...string) (types []*catalogue.Type) {
		for _, name := range names {
			types = append(types, catalogue.New().Find("acme", name))
		}
		return types
	}
	booked, updated := known("lobby.booked"), known("user.updated", "transcript.saved")
	cases := []struct {
		name    string
		types   []*catalogue.Type
		filters string
		want    string // of the error; empty if there is none
	}{
		{"nothing", nil, ``, ""},
		{"the form", nil, `{"exact":{"Subject":"x"}}`, "filters[0].exact"},
		{"a pointer", nil, `{"all":[{"exact":{"/a~2":"x"}}]}`, "filters[0].all[0].exact./a~2: write"},
		{"sql, syntax", nil, `{"not":{"sql":"type = = 'x'"}}`, "filters[0].not.sql: 1:8: "},
		{"sql, a letter", nil, `{"sql":"type = \u00a7"}`, "filters[0].sql: 1:8: "},
		{"sql, an unknown function", nil, `{"sql":"type = 'x' AND FOO(id)"}`, "filters[0].sql: 1:16: there is no function FOO of 1"},
		{"sql, unfinished", nil, `{"sql":"type ="}`, "filters[0].sql: 1:7: "},
		{"sql, a number too large", nil, `{"sql":"level = 99999999999"}`, "filters[0].sql: "},
		{"cel, syntax", nil, `{"exact":{"type":"x"}},{"cel":"data. == 1"}`, "filters[1].cel: 1:7: Syntax error: '. ==' is not understood"},
		{"cel, it ends too early", nil, `{"cel":"data.a =="}`, "1:10: Syntax error: the expression ends too early"},
		{"cel, one sign too few", nil, `{"cel":"data.a = 1"}`, "1:8: Syntax error: '=' alone means nothing: write =="},
		{"cel, a bracket that is open", nil, `{"cel":"(data.a > 1"}`, "1:12: Syntax error: ')' is missing at the end"},
		{"cel, a bracket too many", nil, `{"cel":"data.a > 1)"}`, "1:11: Syntax error: ')' is not expected here"},
		{"cel, a text that is open", nil, `{"cel":"data.a > 'a"}`, "1:10: Syntax error: the text 'a does not end"},
		{"cel, a letter", nil, `{"cel":"data.a \u00a7 1"}`, "1:8: Syntax error: '§' means nothing"},
		{"cel, two lines", nil, `{"cel":"data.a == 1 &&\n  foo"}`, "filters[0].cel: 2:3: undeclared reference to 'foo'"},
		{"cel, an unknown variable", nil, `{"any":[{"cel":"statuss == 'x'"}]}`, "filters[0].any[0].cel: 1:1: undeclared reference to 'statuss'"},
		{"cel, no condition", nil, `{"cel":"1 + 1"}`, "filters[0].cel: 1:1: the expression gives int"},
		{"cel, the clock", nil, `{"cel":"now() > time"}`, "undeclared reference to 'now'"},
		{"cel, an attribute of another type", nil, `{"cel":"subject == 1"}`, "no matching overload"},
		{"cel, data of no known type", nil, `{"cel":"data.whatever.it[0] == 1"}`, ""},
		{"a member", known("user.updated"), `{"cel":"data.current.email.endsWith('@example.com')"}`, ""},
		{"an unknown member", known("user.updated"), `{"cel":"data.statuss == 1"}`, "filters[0].cel: 1:5: undefined field 'statuss' (in data of user.updated; "},
		{"an unknown member below", known("user.updated"), `{"cel":"data.current.emial == 'x'"}`, "1:13: undefined field 'emial'"},
		{"a string and a number", known("user.updated"), `{"cel":"data.current.id == 1"}`, "1:17: found no matching overload for '_==_'"},
		{"what may be null", known("user.updated"), `{"cel":"data.current.locale == null || data.current.locale == 'en'"}`, ""},
		{"what may be null, and a number", known("user.updated"), `{"cel":"data.current.locale == 1"}`, "no matching overload"},
		{"what the schema does not name", known("user.updated"), `{"cel":"dyn(data).statuss == 1 && data.current.customData.x == 2"}`, ""},
		{"a list", known("transcript.saved"), `{"cel":"data.participants.exists(p, p.email == 'x') && 'y' in data.invitees"}`, ""},
		{"a list of others", known("transcript.saved"), `{"cel":"data.participants.exists(p, p.mail == 'x')"}`, "undefined field 'mail'"},
		{"a number is an int or a double", known("transcript.saved"), `{"cel":"data.cues[0].startOffset > 1 && data.cues[0].startOffset == 1.5"}`, ""},
		{"one of two types", updated, `{"cel":"data.meetingId == 'x'"}`, ""},
		{"none of two types", updated, `{"not":{"cel":"data.nobody == 'x'"}}`, "and not in that of 1 other types"},
		{"within a type", booked, `{"cel":"has(data.nobody)"}`, "undefined field"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := filter.Check(filters(t, c.filters), c.types)
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !schemas.HasCode(err, schemas.CodeInvalid)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "object:")) {
				t.Errorf("error %q is not for people", err)
			}
		})
	}
}

// Every built-in type's data can be spoken of: a schema that CEL could not take
// would be found out by a customer.
func TestEveryTypeCanBeChecked(t *testing.T) {
	for _, known := range catalogue.Builtin() {
		if err := filter.Check(filters(t, `{"cel":"data == data"}`), []*catalogue.Type{known}); err != nil {
			t.Errorf("%s: %v", known.Type, err)
		}
	}
}

// A schema may refer to itself.
func TestCheckOfARecursiveType(t *testing.T) {
	known, err := catalogue.Parse("tree.grown.json", []byte(`{"type":"tree.grown","domain":"trees","meaning":"It grew.",
		"schema":{"$defs":{"t":{"type":"object","properties":{"n":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/$defs/t"}},
		"deep":{"$ref":"#/$defs/l"}}},"l":{"type":"array","items":{"$ref":"#/$defs/l"}}},"$ref":"#/$defs/t"},
		"valid":[{"n":1}],"invalid":[{"data":1,"error":"object"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`data.kids[0].kids[0].n == 1`:   "",
		`data.kids[0].kids[0].m == 1`:   "undefined field 'm'",
		`data.kids[0].kids[0].n == 'x'`: "no matching overload",
		`data.deep[0][0].size() == 1`:   "",
	} {
		err := filter.Check([]schemas.Filter{{CEL: text}}, []*catalogue.Type{known})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestKey(t *testing.T) {
	for text, want := range map[string]string{
		``:                                      "",
		`{"prefix":{"type":"a"}}`:               "",
		`{"not":{"exact":{"type":"a"}}}`:        "",
		`{"any":[{"exact":{"type":"a"}}]}`:      "",
		`{"cel":"true"},{"exact":{"type":"a"}}`: "type=a",
		`{"exact":{"type":"a"}},{"all":[{"all":[{"exact":{"/x":"b"}}]}]},{"exact":{"/y":"c"}}`:       "/x=b /y=c type=a",
		`{"cel":"data.a.b == 'x' && ('y' == type && data.c[0] == 7) && size(data.l) > 1"}`:           "/a/b=x /c/0=7 type=y",
		`{"cel":"dyn(data)['a/b~'].c == '' && attributes['region'] == 'eu' && data.n == 7.0"}`:       "/a~1b~0/c= /n=7 region=eu",
		`{"cel":"data.n == -0.0 && data.m == 18446744073709551615u && data.` + "`a-b`" + ` == 1e3"}`: "/n=0 /m=1.8446744073709552e+19 /a-b=1000",
		`{"cel":"data.a == 'x' || data.b == 'y'"}`:                                                   "",
		`{"cel":"!(data.a != 'x')"}`:             "",
		`{"cel":"data.a == 'x' ? true : false"}`: "",
		`{"cel":"has(data.a) == true && data.b == null && data.c == data.d && data == 'x'"}`: "",
		`{"cel":"(data.a == 'x') == true"}`:                                                  "",
		`{"cel":"data.l.exists(data, data.a == 'x')"}`:                                       "",
		`{"cel":"data[type] == 'x' && subject == '' && attributes.x == ''"}`:                 "",
		`{"cel":"time == timestamp('2026-01-01T00:00:00Z') && data.a + 'x' == 'xx'"}`:        "",
		`{"sql":"subject = 'a' AND (\"B\" = Region) AND level > 2"}`:                         "subject=a region=B",
		`{"sql":"subject = 'a' OR type = 'b'"}`:                                              "",
		`{"sql":"subject = 'a' XOR type = 'b'"}`:                                             "",
		`{"sql":"subject = 'a' AND type = 'b' OR id = 'c'"}`:                                 "subject=a",
		`{"sql":"NOT (subject = 'a')"}`:                                                      "",
		`{"sql":"subject != 'a' AND level = 2 AND source = 'x' AND time = 'x' AND id = ''"}`: "",
		`{"sql":"subject = 'a' = TRUE"}`:                                                     "",
		`{"not":{"cel":"data.a == 'x'"}},{"any":[{"sql":"subject = 'a'"}]}`:                  "",
	} {
		got := ""
		for _, key := range compile(t, text).Keys() {
			got += " " + key.Source.Name() + "=" + key.Value
		}
		got = strings.TrimPrefix(got, " ")
		if got != want {
			t.Errorf("%s: key %q, want %q", text, got, want)
		}
	}
}
