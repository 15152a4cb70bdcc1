package embedded

import (
	"strings"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// limits is a hook, mochi's means of extension, that makes the embedded broker
// declare in CONNACK (5.0) and enforce what it has been configured to lack:
// mochi 2.7.9 knows these capabilities, but neither tells of them nor acts on
// them.
type limits struct {
	mochi.HookBase
	server *mochi.Server
	// keepAlive is the Server Keep Alive in seconds; 0: the client's is used.
	keepAlive uint16
}

// ID names the hook.
func (*limits) ID() string { return "limits" }

// Provides says which events the hook is for.
func (*limits) Provides(event byte) bool {
	return event == mochi.OnConnect || event == mochi.OnPacketEncode || event == mochi.OnPacketRead
}

// OnConnect puts the Server Keep Alive in place of the client's.
func (l *limits) OnConnect(cl *mochi.Client, _ packets.Packet) error {
	if l.keepAlive > 0 {
		cl.State.Keepalive, cl.State.ServerKeepalive = l.keepAlive, true
	}
	return nil
}

// OnPacketEncode declares what is not available.
func (l *limits) OnPacketEncode(_ *mochi.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Connack {
		c := l.server.Options.Capabilities
		pk.Properties.RetainAvailableFlag = c.RetainAvailable == 0
		pk.Properties.WildcardSubAvailableFlag = c.WildcardSubAvailable == 0
		pk.Properties.SubIDAvailableFlag = c.SubIDAvailable == 0
		pk.Properties.SharedSubAvailableFlag = c.SharedSubAvailable == 0
	}
	return pk
}

// OnPacketRead disconnects a client that uses what is not available.
func (l *limits) OnPacketRead(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if code, broken := l.broken(pk); broken && cl.Properties.ProtocolVersion == 5 {
		return pk, l.server.DisconnectClient(cl, code)
	}
	return pk, nil
}

// broken says with which Reason Code a packet that asks for what is not
// available ends the connection.
func (l *limits) broken(pk packets.Packet) (packets.Code, bool) {
	c := l.server.Options.Capabilities
	switch pk.FixedHeader.Type {
	case packets.Publish:
		if pk.FixedHeader.Retain && c.RetainAvailable == 0 {
			return packets.ErrRetainNotSupported, true
		}
	case packets.Subscribe:
		if len(pk.Properties.SubscriptionIdentifier) > 0 && c.SubIDAvailable == 0 {
			return packets.ErrSubscriptionIdentifiersNotSupported, true
		}
		for _, s := range pk.Filters {
			if mochi.IsSharedFilter(s.Filter) && c.SharedSubAvailable == 0 {
				return packets.ErrSharedSubscriptionsNotSupported, true
			}
			if strings.ContainsAny(s.Filter, "+#") && c.WildcardSubAvailable == 0 {
				return packets.ErrWildcardSubscriptionsNotSupported, true
			}
		}
	}
	return packets.Code{}, false
}
