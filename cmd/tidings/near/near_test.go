package near_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/cmd/tidings/near"
)

func TestWord(t *testing.T) {
	words := []string{"order.paid", "order.placed", "room.joined", "user.created", "ab"}
	for written, want := range map[string]string{
		"order.payed": "order.paid", "order.padi": "order.paid", "orderpaid": "order.paid", "order.paid": "", "room.joind": "room.joined",
		"rooms.joined": "room.joined", "parcel.sent": "", "": "", "a": "ab", "xyz": "", "bа": "", "ba": "ab", "user.deleted": "",
	} {
		if got, ok := near.Word(written, words); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}

func TestTypes(t *testing.T) {
	known := []string{"order.paid", "room.joined", "user.status.updated", "parcel.sent"}
	for written, want := range map[string]string{
		"order.paid": "", "*": "", "room.*": "", "*.joined": "", "user.*": "", "user.status.*": "", "acme.own": "", "acme.*": "",
		"order.payd": "order.paid", "rom.*": "room.*", "*.joind": "*.joined", "user.statsu.*": "user.status.*", "user.status": "", "parcle.sent": "parcel.sent",
	} {
		got := strings.Join(near.Types([]string{written}, known), "\n")
		if want != "" {
			want = `No known event type is "` + written + `": did you mean ` + want + `? It is taken as it is written.`
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", written, diff)
		}
	}
}
