package reports

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

//go:embed templates
var templates embed.FS

// WriteHTML writes r as one self-contained HTML file: it asks nothing of the
// network, can be read without JavaScript, printed and mailed. Whatever the
// number and length of the exchanges, it stays under 5 MB: those of passing
// checks are shortened first, and what is left out is said and stands in the
// JSON. r has been summarised.
func WriteHTML(w io.Writer, r *Results) error {
	// Ever less room for exchanges and values, until the whole fits.
	var page []byte
	for share := 1.0; share > 0.05 && (page == nil || len(page) > maxHTML); share /= 2 {
		view := newBuilder(r, share).build()
		view.shell = newShell("exchange.js", "report.js")
		var err error
		if page, err = render("report.html.tmpl", view); err != nil {
			return err
		}
	}
	return send(w, page)
}

// maxHTML is what a report may weigh, in bytes: a mail server's patience.
const maxHTML = 4_900_000

// A shell is what every page of ours needs to stand alone: its style and
// script, and a policy that lets the browser run these two and load nothing.
type shell struct {
	Policy        template.HTML
	Style, Script template.HTML
}

func newShell(scripts ...string) shell {
	css, js := asset("report.css"), ""
	for _, name := range scripts {
		js += asset(name)
	}
	return shell{
		Policy: template.HTML(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src ` +
			hash(css) + `; script-src ` + hash(js) + `; base-uri 'none'; form-action 'none'">`),
		Style:  template.HTML("<style>" + css + "</style>"),
		Script: template.HTML("<script>" + js + "</script>"),
	}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// asset is an embedded file; that it is there is settled at build time.
func asset(name string) string {
	data, err := templates.ReadFile("templates/" + name)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// render executes a template into memory: half a report is none.
func render(name string, view any) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"inc": func(n int) int { return n + 1 }}).ParseFS(templates, "templates/"+name, "templates/parts.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("HTML template: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, view); err != nil {
		return nil, fmt.Errorf("HTML template: %w", err)
	}
	return b.Bytes(), nil
}

func send(w io.Writer, page []byte) error {
	if _, err := w.Write(page); err != nil {
		return fmt.Errorf("write HTML: %w", err)
	}
	return nil
}
