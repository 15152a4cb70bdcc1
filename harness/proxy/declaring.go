package proxy

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"mqttspec/codec"
)

// What faults and freedoms are declared with.

// DeclaredAt is the line on which the declaration of a fault or a freedom begins,
// however many functions of its package lie between it and here.
func DeclaredAt() (where string) {
	_, caller, _, _ := runtime.Caller(1)
	for skip := 1; ; skip++ {
		_, file, line, ok := runtime.Caller(skip)
		if !ok || path.Dir(file) != path.Dir(caller) || where != "" && strings.HasSuffix(file, "_test.go") {
			return where
		}
		where = fmt.Sprintf("harness/%s/%s:%d", path.Base(path.Dir(file)), path.Base(file), line)
	}
}

// PropertiesOf is where a packet that brokers send has its properties.
func PropertiesOf(p codec.Packet) *codec.Properties {
	switch p := p.(type) {
	case *codec.Connack:
		return &p.Properties
	case *codec.Publish:
		return &p.Properties
	case *codec.Puback:
		return &p.Properties
	case *codec.Pubrec:
		return &p.Properties
	case *codec.Pubrel:
		return &p.Properties
	case *codec.Pubcomp:
		return &p.Properties
	case *codec.Suback:
		return &p.Properties
	case *codec.Unsuback:
		return &p.Properties
	case *codec.Disconnect:
		return &p.Properties
	case *codec.Auth:
		return &p.Properties
	}
	return new(codec.Properties) // of a packet that has none
}
