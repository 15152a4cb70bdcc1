package harness

import (
	"context"
	"errors"
	"net"
	"testing"

	. "github.com/onsi/gomega"

	"mqttspec/codec"
)

// breaksOff is a listener that breaks the handshake off.
type breaksOff struct{}

func (breaksOff) Dial(context.Context) (net.Conn, error) { return nil, errors.New("bad certificate") }

// TestCertifiedListener: a handshake that is broken off is an answer where no
// certificate is shown, and an error where one is.
func TestCertifiedListener(t *testing.T) {
	for name, r := range map[string]struct {
		certified func(b *Target) *Certified
		body      func(x *Exchange)
		want      stop
	}{
		"with a certificate": {
			func(b *Target) *Certified { return &Certified{With: b.Dialer, Without: breaksOff{}} },
			func(x *Exchange) {
				c := x.DialCertified("alice")
				c.Send(x.NewConnect(Clean))
				c.WantAccepted()
			}, stop{},
		},
		"refused with a certificate": {
			func(*Target) *Certified { return &Certified{With: breaksOff{}} },
			func(x *Exchange) { x.DialCertified("alice") }, stop{kind: Broken},
		},
		"refused without": {
			func(*Target) *Certified { return &Certified{Without: breaksOff{}} },
			func(x *Exchange) {
				c, refusal := x.DialUncertified("alice")
				x.Expect(c).To(BeNil())
				x.Expect(refusal).To(Equal("bad certificate"))
			}, stop{},
		},
		"let in without": {
			func(b *Target) *Certified { return &Certified{Without: b.Dialer} },
			func(x *Exchange) {
				c, refusal := x.DialUncertified("alice")
				x.Expect(refusal).To(BeEmpty())
				c.Send(x.NewConnect(Clean))
				c.WantAccepted()
			}, stop{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{{accepts}}, target: func(b *Target) { b.Certified = r.certified(b) }, body: r.body}.evidence(t)
			r.want.check(t, e.Stop)
		})
	}
}

// TestNoAccess: a target that says nothing of who may do what.
func TestNoAccess(t *testing.T) {
	e := performing{version: codec.V5, target: func(target *Target) { target.UserName, target.Password = "me", "mine" }, body: func(x *Exchange) {
		x.Expect(x.Access()).To(Equal(Access{}))
		x.Expect(x.NewConnect(WrongLogin).Password).To(HaveValue(Equal("not mine")))
	}}.evidence(t)
	stop{}.check(t, e.Stop)
}
