package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"testing"

	. "github.com/onsi/gomega"
)

func TestBadge(t *testing.T) {
	for _, c := range []struct {
		name    string
		r       *Results
		message string
	}{
		{"conformant", run(Pass), "conformant"},
		{"one failure", run(Pass, Fail), "1 of 2 checks fails"},
		{"failures", run(Fail, Fail), "2 of 2 checks fail"},
		{"untried", run(Pass, Untried, Untried), "conformant, 2 untried"},
		{"a failure beside what is untried", run(Fail, Pass, Untried), "1 of 2 checks fails"},
		{"incomplete", run(Pass, Blocked), "incomplete"},
		{"unreachable", &Results{Problem: "refused"}, "not tested"},
		{"hostile", hostile(), "7 of 50 checks fail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			Summarise(c.r)
			var b bytes.Buffer
			g.Expect(WriteShields(&b, c.r)).To(Succeed())
			var shields struct {
				SchemaVersion         int
				Label, Message, Color string
			}
			g.Expect(json.Unmarshal(b.Bytes(), &shields)).To(Succeed())
			g.Expect(shields.SchemaVersion).To(Equal(1))
			g.Expect(shields.Message).To(Equal(c.message))
			g.Expect(shields.Color).To(MatchRegexp(`^#[0-9a-f]{6}$`))

			b.Reset()
			g.Expect(WriteBadge(&b, c.r)).To(Succeed())
			g.Expect(b.String()).To(ContainSubstring(c.message))
			for dec := xml.NewDecoder(&b); ; {
				if _, err := dec.Token(); err == io.EOF {
					break
				} else {
					g.Expect(err).NotTo(HaveOccurred())
				}
			}
		})
	}
	var b bytes.Buffer
	if err := WriteBadge(&b, fixture(1, 250)); err != nil {
		t.Fatal(err)
	}
	golden(t, "badge.svg", b.String())
}
