package harness

import "mqttspec/harness/wire"

// A Credential is a user name with its password.
type Credential struct{ UserName, Password string }

// Access is what the user says about who may do what at the broker. Everything
// in it is optional.
type Access struct {
	// Refused are credentials with which the broker lets nobody in.
	Refused []Credential
	// Administrator may read and write the topics below, which the target's own
	// credentials may not; the zero value means that nobody is known who may.
	Administrator Credential
	// Unreadable is a topic; the target's credentials may subscribe to nothing
	// below it.
	Unreadable string
	// Unwritable is a topic; the target's credentials may publish to nothing
	// below it.
	Unwritable string
}

// Certified is a listener on which clients must show a certificate.
type Certified struct {
	With    wire.Dialer // shows a certificate that the broker accepts
	Without wire.Dialer // shows none
}

// Authentication is how to prove an identity by enhanced authentication (5.0,
// section 4.12).
type Authentication struct {
	Method string // such as SCRAM-SHA-256
	Login  Credential
}

// Access is what the target says about who may do what.
func (x *Exchange) Access() Access {
	if x.target.Access == nil {
		return Access{}
	}
	return *x.target.Access
}

// Unreadable is a topic of this exchange's own that the target's credentials may
// not subscribe to (needs [UnreadableTopic]).
func (x *Exchange) Unreadable(suffix string) string {
	return x.below(x.Access().Unreadable, suffix)
}

// Unwritable is a topic of this exchange's own that the target's credentials may
// not publish to (needs [UnwritableTopic]).
func (x *Exchange) Unwritable(suffix string) string {
	return x.below(x.Access().Unwritable, suffix)
}

func (x *Exchange) below(root, suffix string) string {
	return root + "/" + x.settings.RunID + "/" + x.scope + "/" + suffix
}

// AsAdministrator logs in as the one who may read and write everything (needs
// [AdministratorLogin]).
func AsAdministrator(c *connecting) {
	admin := c.x.Access().Administrator
	Login(admin.UserName, admin.Password)(c)
}

// DialCertified opens a connection to the listener that demands a certificate,
// showing one (needs [CertifiedListener]).
func (x *Exchange) DialCertified(name string) *Client {
	return x.dial(name, x.target.Certified.With, false)
}

// DialUncertified is DialCertified without showing a certificate. The broker
// may break the handshake off; refusal then says how, and there is no client.
func (x *Exchange) DialUncertified(name string) (c *Client, refusal string) {
	ctx, cancel := x.target.limit(x.ctx)
	defer cancel()
	conn, err := x.target.Certified.Without.Dial(ctx)
	if err != nil {
		x.log.add(name, Note, "no connection: "+err.Error(), nil, "")
		return nil, err.Error()
	}
	return x.adopt(name, conn, false), ""
}
