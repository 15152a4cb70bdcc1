// Package wire is where bytes meet the network: it dials brokers over TCP, TLS,
// WebSocket and Unix sockets, and keeps what a connection has received until
// somebody asks for it ([Inbox], with the one wait for what a broker sends,
// [Await]). Of MQTT it knows packets by their type; it knows nothing of exchanges,
// checks or verdicts.
package wire
