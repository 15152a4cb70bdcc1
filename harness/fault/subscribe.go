package fault

import "mqttspec/codec"

// IgnoresSubscribe never answers SUBSCRIBE.
var IgnoresSubscribe = tolerates("ignores-subscribe", "ignores every SUBSCRIBE",
	func(_ *Link, f *Frame) bool { return f.Type() == codec.SUBSCRIBE })
