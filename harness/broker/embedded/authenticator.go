package embedded

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/xdg-go/scram"

	"mqttspec/codec"
	"mqttspec/harness"
)

// An authenticator gives a broker enhanced authentication (5.0, section 4.12),
// which mochi leaves to its users: it stands before the broker, performs
// SCRAM-SHA-256 for clients that ask for it, and lets the others pass.
type authenticator struct {
	listener net.Listener
	broker   string // its address
	scram    *scram.Server

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once closed
	group sync.WaitGroup
}

const authenticatorMethod = "SCRAM-SHA-256"

// newAuthenticator starts one before the broker at this address, for one user.
func newAuthenticator(broker string, login harness.Credential) (*authenticator, error) {
	client, err := scram.SHA256.NewClient(login.UserName, login.Password, "")
	if err != nil {
		return nil, err
	}
	stored, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "mqttspec", Iters: 4096})
	if err != nil {
		return nil, err
	}
	server, err := scram.SHA256.NewServer(func(userName string) (scram.StoredCredentials, error) {
		if userName != login.UserName {
			return scram.StoredCredentials{}, errors.New("unknown user")
		}
		return stored, nil
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &authenticator{listener: listener, broker: broker, scram: server, conns: map[net.Conn]bool{}}
	a.group.Go(a.accept)
	return a, nil
}

// Close ends the authenticator and its connections.
func (a *authenticator) Close() error {
	err := a.listener.Close()
	a.mu.Lock()
	for conn := range a.conns {
		conn.Close()
	}
	a.conns = nil
	a.mu.Unlock()
	a.group.Wait()
	return err
}

// keep remembers a connection for Close; false when that has been called.
func (a *authenticator) keep(conn net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		conn.Close()
		return false
	}
	a.conns[conn] = true
	return true
}

func (a *authenticator) drop(conn net.Conn) {
	conn.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, conn)
}

func (a *authenticator) accept() {
	for {
		client, err := a.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", a.broker)
		if err != nil {
			client.Close()
			continue
		}
		if !a.keep(client) || !a.keep(broker) {
			return
		}
		g := &guarded{client: client, broker: broker, scram: a.scram}
		a.group.Go(func() {
			g.fromClient()
			a.drop(broker)
		})
		a.group.Go(func() {
			g.fromBroker()
			g.hangUp()
			a.drop(client)
			a.drop(broker)
		})
	}
}

// guarded is one connection through an authenticator.
type guarded struct {
	client, broker net.Conn
	scram          *scram.Server

	mu           sync.Mutex // orders what is written to the client
	version      codec.Version
	method       string // in use; "": basic authentication
	final        string // the server's last data, for CONNACK
	pending      []byte // the CONNECT, until the client has proved itself
	conversation *scram.ServerConversation
}

// hangUp closes the client's connection so that what was sent last arrives:
// bytes that nobody has read would make a reset of the close.
func (g *guarded) hangUp() {
	if half, ok := g.client.(*net.TCPConn); ok && half.CloseWrite() == nil {
		_ = g.client.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, g.client)
	}
}

func (g *guarded) send(p codec.Packet) {
	raw, err := codec.Encode(codec.V5, codec.Server, p)
	if err == nil {
		_, _ = g.client.Write(raw)
	}
}

// fromClient passes packets on, as long as the client may go on.
func (g *guarded) fromClient() {
	reader := codec.NewReader(codec.V5, g.client)
	for {
		raw, err := reader.Next()
		if err != nil {
			_, _ = g.broker.Write(raw) // malformed: the broker will see
			return
		}
		g.mu.Lock()
		ok := g.take(raw)
		g.mu.Unlock()
		if !ok {
			return
		}
	}
}

// take handles one packet; false ends the connection.
func (g *guarded) take(raw []byte) bool {
	packet, err := codec.Decode(codec.V5, codec.Client, raw)
	typ := codec.Type(raw[0] >> 4)
	connect, isConnect := packet.(*codec.Connect)
	if isConnect && g.version == 0 {
		g.version = codec.Version(connect.ProtocolLevel)
		if method, ok := connect.Properties.Text(codec.PropAuthenticationMethod); ok && err == nil && g.version == codec.V5 {
			return g.begin(connect, method)
		}
	}
	switch {
	case g.version == codec.V5 && typ == codec.AUTH:
		auth, _ := packet.(*codec.Auth)
		return g.proceed(auth, err)
	case g.pending != nil: // "MUST NOT send any packets other than AUTH or DISCONNECT" [MQTT-3.1.2-30]
		if typ != codec.DISCONNECT {
			g.send(&codec.Connack{Code: codec.ProtocolError})
		}
		return false
	}
	_, err = g.broker.Write(raw)
	return err == nil
}

// begin takes a CONNECT with an Authentication Method.
func (g *guarded) begin(connect *codec.Connect, method string) bool {
	if method != authenticatorMethod {
		g.send(&codec.Connack{Code: codec.BadAuthenticationMethod})
		return false
	}
	data, _ := connect.Properties.Text(codec.PropAuthenticationData)
	plain := *connect
	plain.Properties = nil
	for _, p := range connect.Properties {
		if p.ID != codec.PropAuthenticationMethod && p.ID != codec.PropAuthenticationData {
			plain.Properties = append(plain.Properties, p)
		}
	}
	raw, err := codec.Encode(codec.V5, codec.Client, &plain)
	if err != nil {
		return false
	}
	g.method, g.pending = method, raw
	return g.step(data)
}

// proceed takes an AUTH. Every error in one ends the connection.
func (g *guarded) proceed(auth *codec.Auth, malformed error) bool {
	reason := codec.ProtocolError
	if breach := (*codec.Breach)(nil); errors.As(malformed, &breach) && breach.Field == "Fixed Header" {
		reason = codec.MalformedPacket
	}
	if malformed != nil || g.method == "" {
		return g.refuse(reason)
	}
	if method, _ := auth.Properties.Text(codec.PropAuthenticationMethod); method != g.method {
		return g.refuse(codec.BadAuthenticationMethod)
	}
	begins := g.conversation == nil
	if begins != (auth.Code == codec.ReAuthenticate) {
		return g.refuse(codec.ProtocolError)
	}
	data, _ := auth.Properties.Text(codec.PropAuthenticationData)
	return g.step(data)
}

// refuse ends the connection with a reason: in CONNACK as long as there was none.
func (g *guarded) refuse(code codec.ReasonCode) bool {
	if g.pending != nil {
		g.send(&codec.Connack{Code: code})
		return false
	}
	g.send(&codec.Disconnect{Code: code})
	return false
}

// step goes on with SCRAM.
func (g *guarded) step(data string) bool {
	if g.conversation == nil {
		g.conversation = g.scram.NewConversation()
	}
	answer, err := g.conversation.Step(data)
	if err != nil {
		return g.refuse(codec.NotAuthorized)
	}
	if !g.conversation.Done() {
		g.send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: g.properties(answer)})
		return true
	}
	g.conversation = nil
	if g.pending == nil {
		g.send(&codec.Auth{Code: codec.Success, Properties: g.properties(answer)})
		return true
	}
	g.final = answer
	_, err = g.broker.Write(g.pending)
	g.pending = nil
	return err == nil
}

func (g *guarded) properties(data string) codec.Properties {
	return codec.Properties{codec.AuthenticationMethod(g.method), codec.AuthenticationData(data)}
}

// fromBroker passes packets on, and the end of the proof in CONNACK.
func (g *guarded) fromBroker() {
	reader := codec.NewReader(codec.V311, g.broker) // which minds least about lengths
	for {
		raw, err := reader.Next()
		if err != nil {
			return
		}
		g.mu.Lock()
		if connack, ok := g.accepting(raw); ok {
			connack.Properties = append(connack.Properties, g.properties(g.final)...)
			g.send(connack)
		} else {
			_, err = g.client.Write(raw)
		}
		g.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// accepting is the CONNACK that tells of a proof accepted.
func (g *guarded) accepting(raw []byte) (*codec.Connack, bool) {
	if g.method == "" || codec.Type(raw[0]>>4) != codec.CONNACK {
		return nil, false
	}
	packet, _ := codec.Decode(codec.V5, codec.Server, raw)
	connack, ok := packet.(*codec.Connack)
	return connack, ok && connack.Code == codec.Success
}
