package ecmascript_test

import (
	"fmt"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
)

func ExampleStringify() {
	body, err := ecmascript.Stringify(nil, []byte(`{ "b": 1.0, "1": "<\u00e9>", "b": 1e21 }`))
	fmt.Println(string(body), err)
	_, err = ecmascript.Stringify(nil, []byte(`{"b":1,}`))
	fmt.Println(err)
	// Output:
	// {"1":"<é>","b":1e+21} <nil>
	// read JSON at byte 7: "}" stands where a name in quotes belongs
}

func ExampleCanonicalize() {
	body, err := ecmascript.Canonicalize(nil, []byte(`{"z": 98, "a": {"y": 2, "x": 1}, "c": 5}`))
	fmt.Println(string(body), err)
	// Output: {"a":{"x":1,"y":2},"c":5,"z":98} <nil>
}

// What RelayBox signs is the canonical text, written once more as a string.
func ExampleAppendString() {
	canonical, err := ecmascript.Canonicalize(nil, []byte(`{"z":98,"a":123,"c":5}`))
	fmt.Println(string(ecmascript.AppendString(nil, string(canonical))), err)
	// Output: "{\"a\":123,\"c\":5,\"z\":98}" <nil>
}
