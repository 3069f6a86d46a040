package producers_test

import (
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/producerstest"
)

func TestSend(t *testing.T) {
	var sink producerstest.Sink
	receipt, err := producers.Send(t.Context(), &sink, "user.created", "u1", producers.Change{Current: map[string]string{"id": "u1"}})
	if err != nil || receipt.Sequence != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	e := sink.Events()[0]
	if e.Type() != "user.created" || e.Subject() != "u1" || e.ID() != "" || string(e.Data()) != `{"current":{"id":"u1"},"previous":null}` {
		t.Errorf("sent %v", e)
	}
	for want, f := range map[string]func() error{
		"publish user.created: the subject is empty: set the id of the user (nothing was stored)": func() error {
			_, err := producers.NewEvent("user.created", "", nil)
			return err
		},
		"publish user.created: data does not encode as JSON": func() error {
			_, err := producers.Send(t.Context(), &sink, "user.created", "u1", func() {})
			return err
		},
		"publish event: b is empty: set it (nothing was stored)": producers.Fields{"a": "x", "b": "", "c": ""}.Require,
		`publish event: current.ID is "u1" and previous.ID is ""`: func() error {
			return producers.SameEntity("u1", "")
		},
	} {
		err := f()
		refused(t, err)
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error is %v\nwant %s", err, want)
		}
	}
	if n := len(sink.Events()); n != 1 {
		t.Errorf("%d events were sent, want 1", n)
	}
	if err := (producers.Fields{"a": "x"}).Require(); err != nil {
		t.Error(err)
	}
}
