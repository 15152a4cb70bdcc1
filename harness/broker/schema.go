package broker

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Schema is the JSON Schema of target files, for editors. It is made from the
// same structs that target files are read into.
func Schema() map[string]any {
	definitions := map[string]any{}
	root := schemaOf(reflect.TypeFor[File](), definitions)
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "mqttspec target file",
		"$ref":    root["$ref"],
		"$defs":   definitions,
	}
}

// schemaOf describes a type; structs go to the definitions.
func schemaOf(t reflect.Type, definitions map[string]any) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem(), definitions)
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), definitions)}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), definitions)}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case t.Kind() != reflect.Struct:
		panic(fmt.Sprintf("target files know no %s", t))
	}
	name := strings.ToLower(t.Name())
	reference := map[string]any{"$ref": "#/$defs/" + name}
	if definitions[name] != nil {
		return reference
	}
	properties := map[string]any{}
	definitions[name] = map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	for _, k := range keys(t) {
		property := schemaOf(k.Type, definitions)
		property["description"] = k.Tag.Get("doc")
		properties[k.key] = property
	}
	return reference
}

// Template is a target file in which every key is explained, and commented out
// where it can be missing.
func Template() string {
	var b strings.Builder
	b.WriteString(`# A target file of mqttspec: what there is to know about one broker.
# Test it with: mqttspec run THIS-FILE
#
# Every key can be left out but url (or start). The presets are examples:
# mqttspec target show mosquitto

`)
	all := keys(reflect.TypeFor[File]())
	for _, k := range all {
		if k.key == "url" {
			b.WriteString(strings.Replace(commented(k, ""), "#url", "url", 1))
		}
	}
	for _, k := range all {
		if k.key != "url" && k.key != "embedded" {
			b.WriteString("\n" + commented(k, ""))
		}
	}
	return b.String()
}

// commented is a key, commented out, with what lies below it.
func commented(k key, indent string) string {
	var b strings.Builder
	prefix := "# "
	if indent != "" { // still a comment when the block is not one any more
		prefix = "#" + indent + "# "
	}
	b.WriteString(wrapped(k.Tag.Get("doc"), prefix))
	t := k.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[[]File]():
		fmt.Fprintf(&b, "#%s%s:\n#%s  - name: maximum-qos-1\n#%s    url: mqtt://localhost:1884\n", indent, k.key, indent, indent)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		fmt.Fprintf(&b, "#%s%s:\n", indent, k.key)
		for i, inner := range keys(t.Elem()) {
			lead := "    "
			if i == 0 {
				lead = "  - "
			}
			fmt.Fprintf(&b, "#%s%s%s: %s\n", indent, lead, inner.key, example(inner))
		}
	case t.Kind() == reflect.Struct:
		fmt.Fprintf(&b, "#%s%s:\n", indent, k.key)
		for _, inner := range keys(t) {
			b.WriteString(commented(inner, indent+"  "))
		}
	case t.Kind() == reflect.Map:
		fmt.Fprintf(&b, "#%s%s:\n#%s  KEY: value\n", indent, k.key, indent)
	default:
		fmt.Fprintf(&b, "#%s%s: %s\n", indent, k.key, example(k))
	}
	return b.String()
}

// example is a value for a key.
func example(k key) string {
	if e := k.Tag.Get("example"); e != "" {
		return e
	}
	switch k.Type.Kind() {
	case reflect.Slice:
		return "[]"
	case reflect.Bool:
		return "false"
	}
	return "''"
}

// wrapped breaks a text into lines of about 90 columns.
func wrapped(text, prefix string) string {
	var b strings.Builder
	line := prefix
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > 90 && line != prefix {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = prefix
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}
