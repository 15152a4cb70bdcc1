package fault

import "mqttspec/codec"

// IgnoresUnsubscribe never answers UNSUBSCRIBE.
var IgnoresUnsubscribe = tolerates("ignores-unsubscribe", "ignores every UNSUBSCRIBE",
	func(_ *Link, f *Frame) bool { return f.Type() == codec.UNSUBSCRIBE })
