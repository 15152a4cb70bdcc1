package embedded

import (
	"errors"
	"io"
	"sync"
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

// TestClosesWhileClientsGo: a broker closes though its clients go at the same moment,
// of which mochi 2.7.9 would be locked up by itself.
func TestClosesWhileClientsGo(t *testing.T) {
	for range 5 {
		broker, err := Start()
		if err != nil {
			t.Fatal(err)
		}
		var going sync.WaitGroup
		goes := make(chan struct{})
		for range 100 {
			conn, err := broker.Target.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte{0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 0}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			going.Go(func() {
				<-goes
				conn.Close()
			})
		}
		close(goes)
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
		going.Wait()
		if conn, err := broker.Target.Dial(t.Context()); err == nil {
			conn.Close()
			t.Error("it still takes connections")
		}
	}
}
