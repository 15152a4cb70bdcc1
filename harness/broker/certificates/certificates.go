// Package certificates makes an authority of TLS certificates for one run, and
// what a broker on a loopback address and its clients need from it.
package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are what a broker that is started for a run, and its clients,
// speak TLS with.
type Certificates struct {
	// Authority has signed both, and nobody else trusts it.
	Authority *x509.CertPool
	// Server is for a broker on a loopback address.
	Server tls.Certificate
	// Client is for a client of it.
	Client tls.Certificate

	authorityPEM   []byte
	server, client keyPair
}

// keyPair is a certificate with its key.
type keyPair struct {
	certificatePEM, keyPEM []byte
	tls                    tls.Certificate
}

// New makes an authority and, signed by it, a server's certificate
// for the loopback addresses and a client's. They last a week.
func New() (*Certificates, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificate("mqttspec test authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	authority, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c := &Certificates{
		Authority:    x509.NewCertPool(),
		authorityPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
	c.Authority.AddCert(authority)
	server := certificate("localhost")
	server.DNSNames = []string{"localhost"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if c.server, err = signed(server, authority, key); err != nil {
		return nil, err
	}
	client := certificate("mqttspec")
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if c.client, err = signed(client, authority, key); err != nil {
		return nil, err
	}
	c.Server, c.Client = c.server.tls, c.client.tls
	return c, nil
}

// certificate is a certificate in the making.
func certificate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(fmt.Sprintf("no random numbers: %v", err))
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 7),
	}
}

func signed(template, authority *x509.Certificate, by *ecdsa.PrivateKey) (keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, &key.PublicKey, by)
	if err != nil {
		return keyPair{}, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{
		certificatePEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyPEM:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}),
		tls:            tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

// Write makes an authority and certificates signed by it, for a
// broker on a loopback address and for a client, and writes them to a folder as
// PEM files: ca.pem, broker.pem, broker.key, client.pem and client.key.
func Write(dir string) error {
	c, err := New()
	if err != nil {
		return err
	}
	for name, pem := range map[string][]byte{
		"ca.pem":     c.authorityPEM,
		"broker.pem": c.server.certificatePEM, "broker.key": c.server.keyPEM,
		"client.pem": c.client.certificatePEM, "client.key": c.client.keyPEM,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem, 0o600); err != nil {
			return err
		}
	}
	return nil
}
