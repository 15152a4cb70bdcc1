package harness

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
	With    Dialer // shows a certificate that the broker accepts
	Without Dialer // shows none
}

// Authentication is how to prove an identity by enhanced authentication (5.0,
// section 4.12).
type Authentication struct {
	Method string // such as SCRAM-SHA-256
	Login  Credential
}
