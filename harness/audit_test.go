package harness

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mqttspec/codec"
)

// TestStatementsStandInOnePlace: no other file of the package names a statement,
// and every rule rests on one.
func TestStatementsStandInOnePlace(t *testing.T) {
	literal := regexp.MustCompile(`"(MQTT-[0-9.]+-[0-9]+|(3\.1\.1|5\.0)/[0-9.]+/[a-z0-9-]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file == "statements.go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range literal.FindAll(source, -1) {
			t.Errorf("%s names %s", file, id)
		}
	}
	for r := ruleNone + 1; r <= ruleErrorReason; r++ {
		if statements[r].v5 == "" && len(statementsOf[r]) == 0 {
			t.Errorf("rule %d rests on no statement", r)
		}
	}
}

// TestConnackTooLarge: a packet before CONNACK is a breach, but not where the
// client has kept CONNACK from being sent by a Maximum Packet Size below it.
func TestConnackTooLarge(t *testing.T) {
	connack := &codec.Connack{Properties: codec.Properties{codec.ReceiveMaximum(20), codec.TopicAliasMaximum(10)}} // 11 bytes
	limit := func(n uint32) codec.Properties { return codec.Properties{codec.MaximumPacketSize(n)} }
	for name, row := range map[string]struct {
		properties codec.Properties
		packet     codec.Packet
		want       int
	}{
		"PINGRESP":                        {nil, &codec.Pingresp{}, 1},
		"PINGRESP, CONNACK too large":     {limit(10), &codec.Pingresp{}, 0},
		"PINGRESP, CONNACK just fits":     {limit(11), &codec.Pingresp{}, 1},
		"DISCONNECT":                      {nil, &codec.Disconnect{Code: codec.PacketTooLarge}, 1},
		"DISCONNECT, CONNACK too large":   {limit(10), &codec.Disconnect{Code: codec.PacketTooLarge}, 0},
		"DISCONNECT, CONNACK fits easily": {limit(100), &codec.Disconnect{Code: codec.PacketTooLarge}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := audit{version: codec.V5, known: connack}
			a.sent(&codec.Connect{Properties: row.properties})
			if breaches := a.received(row.packet, 2); len(breaches) != row.want {
				t.Errorf("got %v; want %d", breaches, row.want)
			}
		})
	}
}

// TestAudit: what a packet is held against beyond itself.
func TestAudit(t *testing.T) {
	asks := func(properties ...codec.Property) *codec.Connect {
		return &codec.Connect{ClientID: "alice", Properties: properties}
	}
	connack := func(properties ...codec.Property) codec.Packet { return &codec.Connack{Properties: properties} }
	publish := func(properties ...codec.Property) codec.Packet {
		return &codec.Publish{Topic: "a", Properties: properties}
	}
	method, other := codec.AuthenticationMethod("this"), codec.AuthenticationMethod("another")
	limit, reason, remark := codec.MaximumPacketSize(100), codec.ReasonString("why"), codec.UserProperty("a", "b")
	for name, r := range map[string]struct {
		version codec.Version // 5.0 where it says nothing else
		connect *codec.Connect
		before  []codec.Packet
		packet  codec.Packet
		size    int
		want    string
	}{
		"a CONNACK":                               {0, asks(), nil, connack(), 2, ""},
		"a second one":                            {0, asks(), []codec.Packet{connack()}, connack(), 2, "MQTT-3.2.0-2"},
		"a second one in 3.1.1":                   {codec.V311, asks(), []codec.Packet{connack()}, connack(), 2, ""},
		"a message before it":                     {0, asks(), nil, publish(), 2, "MQTT-3.2.0-1"},
		"a message before it in 3.1.1":            {codec.V311, asks(), nil, publish(), 2, "MQTT-3.2.0-1"},
		"a message behind a refusal":              {0, asks(), []codec.Packet{&codec.Connack{Code: codec.NotAuthorized}}, publish(), 2, "MQTT-3.2.0-1"},
		"an AUTH before it":                       {0, asks(method), nil, &codec.Auth{}, 2, ""},
		"a DISCONNECT before it":                  {0, asks(), nil, &codec.Disconnect{}, 2, "MQTT-3.14.0-1"},
		"a message behind DISCONNECT":             {0, asks(), []codec.Packet{connack(), &codec.Disconnect{}}, publish(), 2, "MQTT-3.14.4-1"},
		"a control character of the server's":     {0, asks(), nil, connack(codec.ReasonString("a\x07b")), 2, "5.0/1.5.4/control-characters"},
		"a non-character of the server's":         {0, asks(), nil, connack(codec.ReasonString("\uFFFE")), 2, "5.0/1.5.4/control-characters"},
		"a control character that is handed on":   {0, asks(), []codec.Packet{connack()}, publish(codec.UserProperty("a", "\x07")), 2, ""},
		"an Authentication Method nobody has":     {0, asks(), nil, connack(method), 2, "MQTT-4.12.0-6"},
		"another Authentication Method":           {0, asks(method), nil, connack(other), 2, "MQTT-4.12.0-5"},
		"the Authentication Method":               {0, asks(method), nil, connack(method), 2, ""},
		"an AUTH to who has no method":            {0, asks(), nil, &codec.Auth{Properties: codec.Properties{method}}, 2, "MQTT-4.12.0-6"},
		"an AUTH of another method":               {0, asks(method), nil, &codec.Auth{Properties: codec.Properties{other}}, 2, "MQTT-4.12.0-5"},
		"Response Information":                    {0, asks(), nil, connack(codec.ResponseInformation("a")), 2, "MQTT-3.1.2-28"},
		"Response Information, asked for":         {0, asks(codec.RequestResponseInformation(1)), nil, connack(codec.ResponseInformation("a")), 2, ""},
		"an assigned identifier":                  {0, asks(), nil, connack(codec.AssignedClientIdentifier("a")), 2, "5.0/3.2.2.3.7/assigned-client-identifier-unasked"},
		"an assigned identifier, to the nameless": {0, &codec.Connect{}, nil, connack(codec.AssignedClientIdentifier("a")), 2, ""},
		"a Server Reference in CONNACK":           {0, asks(), nil, connack(codec.ServerReference("a")), 2, "5.0/3.2.2.3.16/server-reference-reason"},
		"a Server Reference that goes with it":    {0, asks(), nil, &codec.Connack{Code: codec.ServerMoved, Properties: codec.Properties{codec.ServerReference("a")}}, 2, ""},
		"a Server Reference in DISCONNECT":        {0, asks(), []codec.Packet{connack()}, &codec.Disconnect{Properties: codec.Properties{codec.ServerReference("a")}}, 2, "5.0/3.14.2.2.5/server-reference-reason"},
		"a Topic Alias":                           {0, asks(), []codec.Packet{connack()}, publish(codec.TopicAlias(1)), 2, "MQTT-3.1.2-27"},
		"a Topic Alias that is allowed":           {0, asks(codec.TopicAliasMaximum(1)), []codec.Packet{connack()}, publish(codec.TopicAlias(1)), 2, ""},
		"a Topic Alias beyond those":              {0, asks(codec.TopicAliasMaximum(1)), []codec.Packet{connack()}, publish(codec.TopicAlias(2)), 2, "MQTT-3.1.2-26 MQTT-3.3.2-11"},
		"a Reason String nobody wants":            {0, asks(codec.RequestProblemInformation(0)), []codec.Packet{connack()}, &codec.Puback{Properties: codec.Properties{reason, remark}}, 2, "MQTT-3.1.2-29 MQTT-3.1.2-29"},
		"a Reason String where it may be":         {0, asks(codec.RequestProblemInformation(0)), nil, connack(reason), 2, ""},
		"as large as may be":                      {0, asks(limit), []codec.Packet{connack()}, publish(), 100, ""},
		"a message that is too large":             {0, asks(limit), []codec.Packet{connack()}, publish(remark), 101, "MQTT-3.1.2-24"},
		"a PUBACK that is too large":              {0, asks(limit), []codec.Packet{connack()}, &codec.Puback{Properties: codec.Properties{reason, remark}}, 101, "MQTT-3.1.2-24 MQTT-3.4.2-2 MQTT-3.4.2-3"},
		"an AUTH that is too large":               {0, asks(limit, method), nil, &codec.Auth{Properties: codec.Properties{method, reason}}, 101, "MQTT-3.1.2-24 MQTT-3.15.2-2"},
	} {
		t.Run(name, func(t *testing.T) {
			if r.version == 0 {
				r.version = codec.V5
			}
			a := audit{version: r.version}
			a.sent(r.connect)
			for _, p := range r.before {
				a.received(p, 2)
			}
			var got []string
			for _, v := range a.received(r.packet, r.size) {
				b := v.breach(r.version, "alice")
				got = append(got, b.Statement)
				if !strings.HasPrefix(b.Text, r.packet.Type().String()+": ") || !strings.HasSuffix(b.Text, "["+b.Statement+"]") || b.Conn != "alice" {
					t.Errorf("it is told as %+v", b)
				}
			}
			if strings.Join(got, " ") != r.want {
				t.Errorf("got %v; want %s", got, r.want)
			}
		})
	}
}

// TestStatements: each is among those of its version, and no other.
func TestStatements(t *testing.T) {
	if got := Statements(codec.V311); !slices.Equal(got, []string{"MQTT-2.3.1-1", "MQTT-3.2.0-1", "MQTT-6.0.0-1"}) {
		t.Errorf("3.1.1: %v", got)
	}
	v5 := Statements(codec.V5)
	if !slices.IsSorted(v5) || len(slices.Compact(slices.Clone(v5))) != len(v5) {
		t.Errorf("5.0: %v", v5)
	}
	for _, id := range []string{"MQTT-3.2.0-1", "MQTT-3.15.2-3", "5.0/4.13.1/connack-reason", "5.0/3.14.2.2.5/server-reference-reason"} {
		if !slices.Contains(v5, id) {
			t.Errorf("5.0 lacks %s", id)
		}
	}
}
