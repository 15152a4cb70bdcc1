// Package wire is where bytes meet the network: it dials brokers over TCP, TLS,
// WebSocket and Unix sockets. It knows nothing of exchanges, checks or verdicts.
package wire
