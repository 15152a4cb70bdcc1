package suites

import (
	"time"

	"mqttspec/codec"
)

// The words that nearly every check uses, without their package.
const (
	QoS0 = codec.QoS0
	QoS1 = codec.QoS1
	QoS2 = codec.QoS2

	V311 = codec.V311
	V5   = codec.V5
)

// named is a row of a table: something with the name of its case.
type named[T any] struct {
	name  string
	value T
}

// label names a case in [harness.Each].
func (n named[T]) label() string { return n.name }

// seconds is time that a check's own rule is about, which the specification
// counts in seconds: a Keep Alive, a delay, an expiry. Every other time is in
// package times.
func seconds[N uint16 | uint32 | int](n N) time.Duration { return time.Duration(n) * time.Second }
