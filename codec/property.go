package codec

import "fmt"

// PropertyID identifies a property of MQTT 5.0 (section 2.2.2.2).
type PropertyID byte

// The 27 properties of MQTT 5.0.
const (
	PropPayloadFormatIndicator          PropertyID = 0x01
	PropMessageExpiryInterval           PropertyID = 0x02
	PropContentType                     PropertyID = 0x03
	PropResponseTopic                   PropertyID = 0x08
	PropCorrelationData                 PropertyID = 0x09
	PropSubscriptionIdentifier          PropertyID = 0x0B
	PropSessionExpiryInterval           PropertyID = 0x11
	PropAssignedClientIdentifier        PropertyID = 0x12
	PropServerKeepAlive                 PropertyID = 0x13
	PropAuthenticationMethod            PropertyID = 0x15
	PropAuthenticationData              PropertyID = 0x16
	PropRequestProblemInformation       PropertyID = 0x17
	PropWillDelayInterval               PropertyID = 0x18
	PropRequestResponseInformation      PropertyID = 0x19
	PropResponseInformation             PropertyID = 0x1A
	PropServerReference                 PropertyID = 0x1C
	PropReasonString                    PropertyID = 0x1F
	PropReceiveMaximum                  PropertyID = 0x21
	PropTopicAliasMaximum               PropertyID = 0x22
	PropTopicAlias                      PropertyID = 0x23
	PropMaximumQoS                      PropertyID = 0x24
	PropRetainAvailable                 PropertyID = 0x25
	PropUserProperty                    PropertyID = 0x26
	PropMaximumPacketSize               PropertyID = 0x27
	PropWildcardSubscriptionAvailable   PropertyID = 0x28
	PropSubscriptionIdentifierAvailable PropertyID = 0x29
	PropSharedSubscriptionAvailable     PropertyID = 0x2A

	lastProperty = PropSharedSubscriptionAvailable
)

// kind is the data type of a property's value (section 1.5), and where only
// some values of the type are valid, which.
type kind byte

const (
	kindUnknown  kind = iota
	kindFlag          // Byte, 0 or 1
	kindTwo           // Two Byte Integer
	kindTwoPlus       // Two Byte Integer, not 0
	kindFour          // Four Byte Integer
	kindFourPlus      // Four Byte Integer, not 0
	kindVarint        // Variable Byte Integer, not 0
	kindString        // UTF-8 Encoded String
	kindTopic         // UTF-8 Encoded String that is a Topic Name
	kindBinary        // Binary Data
	kindPair          // UTF-8 String Pair
)

// propertyInfo is a row of table 2-4.
type propertyInfo struct {
	kind  kind
	name  string // as the specification heads its section
	label string // as a packet's String shows it
}

var propertyTable = [lastProperty + 1]propertyInfo{
	PropPayloadFormatIndicator:          {kindFlag, "Payload Format Indicator", "payload-format"},
	PropMessageExpiryInterval:           {kindFour, "Message Expiry Interval", "message-expiry"},
	PropContentType:                     {kindString, "Content Type", "content-type"},
	PropResponseTopic:                   {kindTopic, "Response Topic", "response-topic"},
	PropCorrelationData:                 {kindBinary, "Correlation Data", "correlation-data"},
	PropSubscriptionIdentifier:          {kindVarint, "Subscription Identifier", "subscription-identifier"},
	PropSessionExpiryInterval:           {kindFour, "Session Expiry Interval", "session-expiry"},
	PropAssignedClientIdentifier:        {kindString, "Assigned Client Identifier", "assigned-client"},
	PropServerKeepAlive:                 {kindTwo, "Server Keep Alive", "server-keepalive"},
	PropAuthenticationMethod:            {kindString, "Authentication Method", "authentication-method"},
	PropAuthenticationData:              {kindBinary, "Authentication Data", "authentication-data"},
	PropRequestProblemInformation:       {kindFlag, "Request Problem Information", "request-problem-information"},
	PropWillDelayInterval:               {kindFour, "Will Delay Interval", "will-delay"},
	PropRequestResponseInformation:      {kindFlag, "Request Response Information", "request-response-information"},
	PropResponseInformation:             {kindString, "Response Information", "response-information"},
	PropServerReference:                 {kindString, "Server Reference", "server-reference"},
	PropReasonString:                    {kindString, "Reason String", "reason"},
	PropReceiveMaximum:                  {kindTwoPlus, "Receive Maximum", "receive-maximum"},
	PropTopicAliasMaximum:               {kindTwo, "Topic Alias Maximum", "topic-alias-maximum"},
	PropTopicAlias:                      {kindTwoPlus, "Topic Alias", "topic-alias"},
	PropMaximumQoS:                      {kindFlag, "Maximum QoS", "maximum-qos"},
	PropRetainAvailable:                 {kindFlag, "Retain Available", "retain-available"},
	PropUserProperty:                    {kindPair, "User Property", "user-property"},
	PropMaximumPacketSize:               {kindFourPlus, "Maximum Packet Size", "maximum-packet-size"},
	PropWildcardSubscriptionAvailable:   {kindFlag, "Wildcard Subscription Available", "wildcard-subscription-available"},
	PropSubscriptionIdentifierAvailable: {kindFlag, "Subscription Identifier Available", "subscription-identifier-available"},
	PropSharedSubscriptionAvailable:     {kindFlag, "Shared Subscription Available", "shared-subscription-available"},
}

// info is the property's row, with kindUnknown for an identifier that 5.0 does
// not define.
func (id PropertyID) info() propertyInfo {
	if id <= lastProperty {
		return propertyTable[id]
	}
	return propertyInfo{}
}

// String is the property's name in the specification.
func (id PropertyID) String() string {
	if name := id.info().name; name != "" {
		return name
	}
	return fmt.Sprintf("Property 0x%02X", byte(id))
}

// Property is one property as it stands in a packet. Which of the fields
// counts depends on the identifier: Number for the integer types, Text for
// UTF-8 strings and binary data, Name and Text for User Property.
type Property struct {
	ID     PropertyID
	Number uint32
	Name   string
	Text   string
}

// Properties are the properties of a packet in the order they stand in it. A
// list, not a struct: their order matters for User Properties, and a check
// must be able to write one twice or where it does not belong.
type Properties []Property

// Number is the value of the first integer property with this identifier.
func (ps Properties) Number(id PropertyID) (value uint32, ok bool) {
	for _, p := range ps {
		if p.ID == id {
			return p.Number, true
		}
	}
	return 0, false
}

// Text is the value of the first string or binary property with this identifier.
func (ps Properties) Text(id PropertyID) (value string, ok bool) {
	for _, p := range ps {
		if p.ID == id {
			return p.Text, true
		}
	}
	return "", false
}

// Has says whether a property with this identifier is there.
func (ps Properties) Has(id PropertyID) bool {
	_, ok := ps.Number(id)
	return ok
}

// All are the properties with this identifier, in order.
func (ps Properties) All(id PropertyID) Properties {
	var all Properties
	for _, p := range ps {
		if p.ID == id {
			all = append(all, p)
		}
	}
	return all
}

// PayloadFormatIndicator is that property: 1 for a payload of UTF-8 text, 0
// for unspecified bytes (sections 3.3.2.3.2 and 3.1.3.2.3).
func PayloadFormatIndicator(n byte) Property {
	return Property{ID: PropPayloadFormatIndicator, Number: uint32(n)}
}

// MessageExpiryInterval is that property, in seconds (sections 3.3.2.3.3 and
// 3.1.3.2.4).
func MessageExpiryInterval(n uint32) Property {
	return Property{ID: PropMessageExpiryInterval, Number: n}
}

// ContentType is that property (sections 3.3.2.3.9 and 3.1.3.2.5).
func ContentType(s string) Property { return Property{ID: PropContentType, Text: s} }

// ResponseTopic is that property (sections 3.3.2.3.5 and 3.1.3.2.6).
func ResponseTopic(s string) Property { return Property{ID: PropResponseTopic, Text: s} }

// CorrelationData is that property, binary data (sections 3.3.2.3.6 and
// 3.1.3.2.7).
func CorrelationData(s string) Property { return Property{ID: PropCorrelationData, Text: s} }

// SubscriptionIdentifier is that property, 1 to [MaxVarint] (sections
// 3.8.2.1.2 and 3.3.2.3.8).
func SubscriptionIdentifier(n uint32) Property {
	return Property{ID: PropSubscriptionIdentifier, Number: n}
}

// SessionExpiryInterval is that property, in seconds; 0xFFFFFFFF is for ever
// (sections 3.1.2.11.2, 3.2.2.3.2 and 3.14.2.2.2).
func SessionExpiryInterval(n uint32) Property {
	return Property{ID: PropSessionExpiryInterval, Number: n}
}

// AssignedClientIdentifier is that property (section 3.2.2.3.7).
func AssignedClientIdentifier(s string) Property {
	return Property{ID: PropAssignedClientIdentifier, Text: s}
}

// ServerKeepAlive is that property, in seconds (section 3.2.2.3.14).
func ServerKeepAlive(n uint16) Property {
	return Property{ID: PropServerKeepAlive, Number: uint32(n)}
}

// AuthenticationMethod is that property (sections 3.1.2.11.9, 3.2.2.3.17 and
// 3.15.2.2.2).
func AuthenticationMethod(s string) Property {
	return Property{ID: PropAuthenticationMethod, Text: s}
}

// AuthenticationData is that property, binary data (sections 3.1.2.11.10,
// 3.2.2.3.18 and 3.15.2.2.3).
func AuthenticationData(s string) Property {
	return Property{ID: PropAuthenticationData, Text: s}
}

// RequestProblemInformation is that property, 0 or 1 (section 3.1.2.11.7).
func RequestProblemInformation(n byte) Property {
	return Property{ID: PropRequestProblemInformation, Number: uint32(n)}
}

// WillDelayInterval is that property, in seconds (section 3.1.3.2.2).
func WillDelayInterval(n uint32) Property {
	return Property{ID: PropWillDelayInterval, Number: n}
}

// RequestResponseInformation is that property, 0 or 1 (section 3.1.2.11.6).
func RequestResponseInformation(n byte) Property {
	return Property{ID: PropRequestResponseInformation, Number: uint32(n)}
}

// ResponseInformation is that property (section 3.2.2.3.15).
func ResponseInformation(s string) Property {
	return Property{ID: PropResponseInformation, Text: s}
}

// ServerReference is that property (sections 3.2.2.3.16 and 3.14.2.2.5).
func ServerReference(s string) Property { return Property{ID: PropServerReference, Text: s} }

// ReasonString is that property (section 3.2.2.3.9 and others).
func ReasonString(s string) Property { return Property{ID: PropReasonString, Text: s} }

// ReceiveMaximum is that property, 1 to 65535 (sections 3.1.2.11.3 and
// 3.2.2.3.3).
func ReceiveMaximum(n uint16) Property {
	return Property{ID: PropReceiveMaximum, Number: uint32(n)}
}

// TopicAliasMaximum is that property (sections 3.1.2.11.5 and 3.2.2.3.8).
func TopicAliasMaximum(n uint16) Property {
	return Property{ID: PropTopicAliasMaximum, Number: uint32(n)}
}

// TopicAlias is that property, 1 to 65535 (section 3.3.2.3.4).
func TopicAlias(n uint16) Property { return Property{ID: PropTopicAlias, Number: uint32(n)} }

// MaximumQoS is that property, 0 or 1 (section 3.2.2.3.4).
func MaximumQoS(q QoS) Property { return Property{ID: PropMaximumQoS, Number: uint32(q)} }

// RetainAvailable is that property, 0 or 1 (section 3.2.2.3.5).
func RetainAvailable(n byte) Property {
	return Property{ID: PropRetainAvailable, Number: uint32(n)}
}

// UserProperty is that property, a name and a value (section 3.1.2.11.8 and
// others).
func UserProperty(name, value string) Property {
	return Property{ID: PropUserProperty, Name: name, Text: value}
}

// MaximumPacketSize is that property, in bytes, not 0 (sections 3.1.2.11.4 and
// 3.2.2.3.6).
func MaximumPacketSize(n uint32) Property {
	return Property{ID: PropMaximumPacketSize, Number: n}
}

// WildcardSubscriptionAvailable is that property, 0 or 1 (section 3.2.2.3.11).
func WildcardSubscriptionAvailable(n byte) Property {
	return Property{ID: PropWildcardSubscriptionAvailable, Number: uint32(n)}
}

// SubscriptionIdentifierAvailable is that property, 0 or 1 (section
// 3.2.2.3.12).
func SubscriptionIdentifierAvailable(n byte) Property {
	return Property{ID: PropSubscriptionIdentifierAvailable, Number: uint32(n)}
}

// SharedSubscriptionAvailable is that property, 0 or 1 (section 3.2.2.3.13).
func SharedSubscriptionAvailable(n byte) Property {
	return Property{ID: PropSharedSubscriptionAvailable, Number: uint32(n)}
}

// PropertiesOf are the properties of a packet (5.0, section 2.2.2); nil where it
// has none. Those of a will are not among them.
func PropertiesOf(p Packet) Properties {
	switch p := p.(type) {
	case *Connect:
		return p.Properties
	case *Connack:
		return p.Properties
	case *Publish:
		return p.Properties
	case *Puback:
		return p.Properties
	case *Pubrec:
		return p.Properties
	case *Pubrel:
		return p.Properties
	case *Pubcomp:
		return p.Properties
	case *Subscribe:
		return p.Properties
	case *Suback:
		return p.Properties
	case *Unsubscribe:
		return p.Properties
	case *Unsuback:
		return p.Properties
	case *Disconnect:
		return p.Properties
	case *Auth:
		return p.Properties
	}
	return nil
}
