module mqttspec

go 1.26.8
