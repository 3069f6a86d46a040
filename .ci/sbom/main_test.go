package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// TestBill writes that of this test itself, and reads it again.
func TestBill(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	licences := filepath.Join(t.TempDir(), "licences")
	list := func(text string) {
		t.Helper()
		if err := os.WriteFile(licences, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list("example.com/other v1.0.0 MIT\n")
	var b bytes.Buffer
	if err := write(&b, program, licences); err == nil || !strings.Contains(err.Error(), "github.com/CycloneDX/cyclonedx-go has no licence") {
		t.Errorf("without a licence it says %v", err)
	}
	list("github.com/CycloneDX/cyclonedx-go v0 Apache-2.0\n")
	b.Reset()
	if err := write(&b, program, licences); err != nil {
		t.Fatal(err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(&b, cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, c := range *bom.Components {
		names[c.Name] = (*c.Licenses)[0].License.ID
	}
	if names["std"] != "BSD-3-Clause" || names["github.com/CycloneDX/cyclonedx-go"] != "Apache-2.0" {
		t.Errorf("components: %v", names)
	}
}
