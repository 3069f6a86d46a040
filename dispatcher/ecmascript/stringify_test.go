package ecmascript_test

import (
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/schemas"
)

// A rewriting is a text and what JavaScript makes of it.
type rewriting struct{ name, text, want string }

var values = []rewriting{
	{"words", ` [ true , false,null ] `, `[true,false,null]`},
	{"white space", "\t{\r\n \"a\" :\t[ ] , \"b\":{ }\n}\r", `{"a":[],"b":{}}`},
	{"one string", `"x"`, `"x"`},
	{"nested", `[[],[[1]],{"a":{"b":[2]}}]`, `[[],[[1]],{"a":{"b":[2]}}]`},
	{"nested as deep as allowed", strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat("[", 1000) + strings.Repeat("]", 1000)},
	{"wide", "[[]" + strings.Repeat(",[]", 2000) + "]", "[[]" + strings.Repeat(",[]", 2000) + "]"},
}

var strs = []rewriting{
	{"no escapes for HTML", `"\u003cb\u003e&<b>&amp;/"`, `"<b>&<b>&amp;/"`},
	{"line separators", "\"\\u2028\u2028\\u2029\u2029\"", "\"\u2028\u2028\u2029\u2029\""},
	{"escapes with a letter", `"\"\\\/\b\f\n\r\t"`, `"\"\\/\b\f\n\r\t"`},
	{"those in hexadecimal", `"\u0022\u005C\u002f\u0008\u000c\u000A\u000D\u0009"`, `"\"\\/\b\f\n\r\t"`},
	{"control characters", `"\u0000\u0001\u000B\u001F\u007f"`, "\"\\u0000\\u0001\\u000b\\u001f\u007f\""},
	{"a pair escaped", `"\ud83d\uDE00"`, `"😀"`},
	{"a pair as it is", `"😀\n"`, `"😀\n"`},
	{"the first and last pairs", `"\ud800\udc00\udbff\udfff"`, "\"\U00010000\U0010ffff\""},
	{"lone surrogates", `"\uDC00\uD800-\udfff\udBFF"`, `"\udc00\ud800-\udfff\udbff"`},
	{"a lone one before a pair", `"\ud83d\ud83d\ude00"`, `"\ud83d😀"`},
	{"a lone one at the end", `"\ud83d"`, `"\ud83d"`},
	{"a lone one before another escape", `"\ud83d\n\ud83d\u0041\udead"`, `"\ud83d\n\ud83dA\udead"`},
	{"a lone one before a digit", `"\ud83dude00"`, `"\ud83dude00"`},
	{"around the surrogates", `"\ud7ff\ue000\uffff"`, "\"\ud7ff\ue000\uffff\""},
	{"a replacement character", "\"\ufffd\\ufffd\\n\"", "\"\ufffd\ufffd\\n\""},
	{"a byte that starts nothing", "\"\x80|\xff|\xc1|\xf8|\xc0\x80\"", "\"\ufffd|\ufffd|\ufffd|\ufffd|\ufffd\ufffd\""},
	{"a start cut off", "\"\xe2\x82|\xf0\x9f\x98|\xf0\x9f|\xc3\"", "\"\ufffd|\ufffd|\ufffd|\ufffd\""},
	{"a start before another", "\"\xe2\x82\xe2\x82\xac\xf0\x9f\xc3\xa9\"", "\"\ufffd€\ufffdé\""},
	{"a surrogate's bytes", "\"\xed\xa0\x80|\xed\xa0\"", "\"\ufffd\ufffd\ufffd|\ufffd\ufffd\""},
	{"past the last character", "\"\xf4\x90\x80\x80\"", "\"\ufffd\ufffd\ufffd\ufffd\""},
	{"longer than needed", "\"\xe0\x80\xaf|\xf0\x80\x80\xaf\"", "\"\ufffd\ufffd\ufffd|\ufffd\ufffd\ufffd\ufffd\""},
	{"a wrong byte beside an escape", "\"\xe2\x82\\n\xff\\ud800\"", "\"\ufffd\\n\ufffd\\ud800\""},
	{"a byte order mark inside", "\"\ufeff\"", "\"\ufeff\""},
}

var numbers = []rewriting{
	{"integers", `[0,7,10,-5,123456789012345]`, `[0,7,10,-5,123456789012345]`},
	{"zeros", `[-0,0.0,-0.0e5,0e999]`, `[0,0,0,0]`},
	{"trailing zeros", `[1.0,1.50,100e-2,0.1e1]`, `[1,1.5,1,1]`},
	{"exponents of one digit", `[1e-7,1.5E-9,-1e-7]`, `[1e-7,1.5e-9,-1e-7]`},
	{"longer exponents", `[1E-10,1e+22,1e100]`, `[1e-10,1e+22,1e+100]`},
	{"from where there is an exponent", `[1e20,1e21,999999999999999900000,1000000000000000000000]`, `[100000000000000000000,1e+21,999999999999999900000,1e+21]`},
	{"down to where there is none", `[1e-6,0.000001,1.5e-6,9.99e-7]`, `[0.000001,0.000001,0.0000015,9.99e-7]`},
	{"integers that are rounded", `[9007199254740993,12345678901234567890]`, `[9007199254740992,12345678901234567000]`},
	{"long decimals", `[0.1000000000000000055511151231257827,4.35,0.3,2.718281828459045235360287]`, `[0.1,4.35,0.3,2.718281828459045]`},
	{"the smallest", `[5e-324,3e-324,2e-324,-1e-400]`, `[5e-324,5e-324,0,0]`},
	{"the largest", `[1.7976931348623157e308,1.7976931348623158e308]`, `[1.7976931348623157e+308,1.7976931348623157e+308]`},
	{"too large", `[1e309,-1e309,1.7976931348623159e308,1e99999999999]`, `[null,null,null,null]`},
}

var properties = []rewriting{
	{"order kept", `{"b":1,"a":2,"B":3}`, `{"b":1,"a":2,"B":3}`},
	{"twice: the last value in the first place", `{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
	{"three times", `{"a":{"x":1},"b":2,"a":[],"c":4,"a":"z"}`, `{"a":"z","b":2,"c":4}`},
	{"twice in other words", `{"a":1,"\u0061":2,"\ud83d\ude00":3,"😀":4,"\ud800":5,"\uD800":6}`, `{"a":2,"😀":4,"\ud800":6}`},
	{"two lone surrogates are two names", `{"\ud800":1,"\ud801":2,"\ufffd":3}`, "{\"\\ud800\":1,\"\\ud801\":2,\"\ufffd\":3}"},
	{"two wrong bytes are one name", "{\"\x80\":1,\"\xff\":2}", "{\"\ufffd\":2}"},
	{"indexes first", `{"b":1,"10":2,"a":3,"9":4,"0":5}`, `{"0":5,"9":4,"10":2,"b":1,"a":3}`},
	{"indexes in escapes", `{"b":1,"\u0031":2}`, `{"1":2,"b":1}`},
	{"an index twice", `{"b":1,"2":"x","1":3,"2":4}`, `{"1":3,"2":4,"b":1}`},
	{"the largest index", `{"a":1,"4294967294":2,"4294967293":3}`, `{"4294967293":3,"4294967294":2,"a":1}`},
	{"too large for an index", `{"a":1,"4294967295":2,"9999999999":3,"18446744073709551616":4,"7":5}`, `{"7":5,"a":1,"4294967295":2,"9999999999":3,"18446744073709551616":4}`},
	{"not in canonical form", `{"a":1,"01":2,"00":3,"-1":4,"+1":5,"1.0":6,"1e1":7," 1":8,"":9,"1_0":10}`, `{"a":1,"01":2,"00":3,"-1":4,"+1":5,"1.0":6,"1e1":7," 1":8,"":9,"1_0":10}`},
	{"__proto__ and other names of objects", `{"z":1,"__proto__":{"b":1,"0":2},"constructor":null,"length":3}`, `{"z":1,"__proto__":{"0":2,"b":1},"constructor":null,"length":3}`},
	{"toJSON", `{"z":1,"toJSON":null,"a":{"toJSON":1}}`, `{"z":1,"toJSON":null,"a":{"toJSON":1}}`},
	{"many with the same name", `{"a":0` + strings.Repeat(`,"b":1,"a":2,"c":3,"0":4`, 50) + `,"c":5,"a":6}`, `{"0":4,"a":6,"b":1,"c":5}`},
	{"names with escapes", `{"\n":1,"\"":2,"\u2028":3}`, "{\"\\n\":1,\"\\\"\":2,\"\u2028\":3}"},
	{"objects in arrays in objects", `{"b":[{"d":1,"3":{"y":1,"2":2}},{"c":1}],"1":{"q":1,"0":2}}`, `{"1":{"0":2,"q":1},"b":[{"3":{"2":2,"y":1},"d":1},{"c":1}]}`},
}

func TestStringify(t *testing.T) {
	for _, table := range [][]rewriting{values, strs, numbers, properties} {
		checkRewritings(t, ecmascript.Stringify, table)
	}
}

func checkRewritings(t *testing.T, rewrite func(dst, text []byte) ([]byte, error), table []rewriting) {
	t.Helper()
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			const before = "before "
			got, err := rewrite([]byte(before), []byte(c.text))
			if err != nil || string(got) != before+c.want {
				t.Errorf("%q\n got %q, %v\nwant %q", c.text, got, err, before+c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("[", 500) + strings.Repeat(`{"a":`, 500)
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", `byte 0: the text ends where a value belongs`},
		{"white space", " \n", `byte 2: the text ends where a value belongs`},
		{"two values", "1 2", `byte 2: "2" stands where the end belongs`},
		{"a byte order mark", "\ufeff1", `byte 0: "\xef" stands where a value belongs`},
		{"a wrong byte", "[1,\xff]", `byte 3: "\xff" stands where a value belongs`},
		{"a zero byte", "1\x00", `byte 1: "\x00" stands where the end belongs`},
		{"other white space", "\v1", `byte 0: "\v" stands where a value belongs`},
		{"half a word", "nul", `byte 0: "n" stands where a value belongs`},
		{"a word in capitals", "True", `byte 0: "T" stands where a value belongs`},
		{"a word too long", "[nulls]", `byte 5: "s" stands where "," or "]" belongs`},
		{"not a number", "NaN", `byte 0: "N" stands where a value belongs`},
		{"a zero before a digit", "[01]", `byte 2: "1" stands where "," or "]" belongs`},
		{"a plus sign", "+1", `byte 0: "+" stands where a value belongs`},
		{"a minus sign alone", "[-]", `byte 2: "]" stands where a digit belongs`},
		{"a point at the end", "1.", `byte 2: the text ends where a digit belongs`},
		{"a point at the start", ".5", `byte 0: "." stands where a value belongs`},
		{"an empty exponent", "[1e+]", `byte 4: "]" stands where a digit belongs`},
		{"a string without end", `"abc`, `byte 4: the text ends where the rest of a string belongs`},
		{"a line break in a string", "\"a\nb\"", `byte 2: "\n" stands where the rest of a string belongs`},
		{"a zero byte in a string", "\"a\x00\"", `byte 2: "\x00" stands where the rest of a string belongs`},
		{"an unknown escape", `["a\x"]`, `byte 3: "\\x\"]" is not an escape`},
		{"an escape cut off", `"\u12`, `byte 1: "\\u12" is not an escape`},
		{"an escape with other digits", `"a\u12g4"`, `byte 2: "\\u12g4" is not an escape`},
		{"an escape with a sign", `"\u+123"`, `byte 1: "\\u+123" is not an escape`},
		{"an escape in capitals", `"\N"`, `byte 1: "\\N\"" is not an escape`},
		{"a backslash at the end", `"\`, `byte 1: "\\" is not an escape`},
		{"single quotes", `{'a':1}`, `byte 1: "'" stands where a name in quotes belongs`},
		{"no name", `{1:1}`, `byte 1: "1" stands where a name in quotes belongs`},
		{"no colon", `{"a" 1}`, `byte 5: "1" stands where ":" belongs`},
		{"no value", `{"a":}`, `byte 5: "}" stands where a value belongs`},
		{"a comma too many", `[1,]`, `byte 3: "]" stands where a value belongs`},
		{"a comma too many in an object", `{"a":1,}`, `byte 7: "}" stands where a name in quotes belongs`},
		{"no comma", `{"a":1"b":2}`, `byte 6: "\"" stands where "," or "}" belongs`},
		{"the wrong bracket", `[1}`, `byte 2: "}" stands where "," or "]" belongs`},
		{"no bracket", `[1`, `byte 2: the text ends where "," or "]" belongs`},
		{"a comment", `[1/**/]`, `byte 2: "/" stands where "," or "]" belongs`},
		{"too deep", deep + "[", `byte 3000: nested deeper than 1000 arrays and objects`},
		{"too deep, an object", deep + "{}", `byte 3000: nested deeper than 1000 arrays and objects`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ecmascript.Stringify([]byte("before"), []byte(c.text))
			if !schemas.HasCode(err, schemas.CodeInvalid) || err.Error() != "read JSON at "+c.want {
				t.Errorf("got  %v\nwant %v", err, c.want)
			}
			if string(got) != "before" {
				t.Errorf("appended to dst: %q", got)
			}
			if _, err := ecmascript.Canonicalize(nil, []byte(c.text)); !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("Canonicalize: %v", err)
			}
		})
	}
}
