package codec

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
)

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
