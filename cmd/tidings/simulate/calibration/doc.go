// Package calibration is what the pipe costs: the figures by which `tidings simulate`
// counts, each with how it is measured. `tidings bench --only costs --json` makes a
// file of them on any machine; the one that is embedded was made so, where it says.
package calibration
