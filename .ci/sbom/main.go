// Command sbom writes what a program built by Go is made of, as CycloneDX 1.6 in JSON:
//
//	sbom PROGRAM LICENCES > sbom.json
//
// The program tells its modules itself (debug/buildinfo); LICENCES has a line for each, of
// its path, its version and its licence, as `make licenses` prints them.
package main

import (
	"bufio"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM LICENCES > sbom.json")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// write leaves out serial number and time: the same program has the same bill.
func write(w io.Writer, program, licences string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read %s: %w", program, err)
	}
	of, err := readLicences(licences)
	if err != nil {
		return err
	}
	bom := cdx.NewBOM()
	main := component(cdx.ComponentTypeApplication, &info.Main, "Apache-2.0")
	bom.Metadata = &cdx.Metadata{Component: &main}
	components := []cdx.Component{component(cdx.ComponentTypeLibrary, &debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}, "BSD-3-Clause")}
	parts := []string{components[0].BOMRef}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		licence := of[m.Path]
		if licence == "" {
			return fmt.Errorf("%s has no licence in %s", m.Path, licences)
		}
		c := component(cdx.ComponentTypeLibrary, m, licence)
		components, parts = append(components, c), append(parts, c.BOMRef)
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &parts}}
	e := cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON)
	return e.SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
}

func component(kind cdx.ComponentType, m *debug.Module, licence string) cdx.Component {
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := cdx.Component{
		BOMRef: purl, Type: kind, Name: m.Path, Version: m.Version, PackageURL: purl,
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: licence}}},
	}
	if m.Sum != "" { // no hash of a file, but of a list of hashes (golang.org/x/mod/sumdb/dirhash)
		c.Properties = &[]cdx.Property{{Name: "go:sum", Value: m.Sum}}
	}
	return c
}

func readLicences(path string) (of map[string]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	of = map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) >= 3 {
			of[words[0]] = words[2]
		}
	}
	return of, lines.Err()
}
