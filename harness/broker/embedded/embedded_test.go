package embedded

import (
	"errors"
	"io"
	"testing"
	"time"

	"mqttspec/harness"
)

// TestEndsOverEveryTransport sees a broker's close on every transport as what
// it is: the end of the stream.
func TestEndsOverEveryTransport(t *testing.T) {
	broker, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	targets := map[string]*harness.Target{"mqtt": broker.Target}
	for scheme, target := range broker.Over {
		targets[scheme] = target
	}
	for scheme, target := range targets {
		conn, err := target.Dial(t.Context())
		if err != nil {
			t.Errorf("%s: %v", scheme, err)
			continue
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Errorf("%s: half-close: %v", scheme, err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, readerOnly{conn}); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: ends with %v", scheme, err)
		}
		conn.Close()
	}
}

type readerOnly struct{ io.Reader }
