package simulate

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
)

// writeCosts lists what is counted by.
func writeCosts(out io.Writer, f calibration.Figures, output string) error {
	if output == "json" {
		return show.JSON(out, f.List())
	}
	if f.Machine != "" {
		fmt.Fprintf(out, "measured on %s\n\n", f.Machine)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, one := range f.List() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", one.Name, digits(one.Value), one.How)
	}
	return w.Flush()
}
