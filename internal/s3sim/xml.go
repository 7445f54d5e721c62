package s3sim

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// xmlDoc writes S3's flat XML replies. Unlike encoding/xml it passes control
// characters on as character references, which XML 1.0 forbids and S3 does: a
// client that lists such keys without encoding-type=url must find out.
type xmlDoc struct{ bytes.Buffer }

const s3Namespace = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

func (x *xmlDoc) head() { x.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n") }

// root opens the document element with S3's namespace.
func (x *xmlDoc) root(name string) {
	x.head()
	x.WriteByte('<')
	x.WriteString(name)
	x.WriteString(s3Namespace)
	x.WriteByte('>')
}

func (x *xmlDoc) open(name string) {
	x.WriteByte('<')
	x.WriteString(name)
	x.WriteByte('>')
}

func (x *xmlDoc) shut(name string) {
	x.WriteString("</")
	x.WriteString(name)
	x.WriteByte('>')
}

func (x *xmlDoc) elem(name, text string) {
	x.open(name)
	x.text(text)
	x.shut(name)
}

func (x *xmlDoc) number(name string, n int64) { x.elem(name, strconv.FormatInt(n, 10)) }

func (x *xmlDoc) text(s string) {
	for i := 0; i < len(s); {
		b := s[i]
		switch {
		case b == '&':
			x.WriteString("&amp;")
		case b == '<':
			x.WriteString("&lt;")
		case b == '>':
			x.WriteString("&gt;")
		case b == '"':
			x.WriteString("&quot;")
		case b < 0x20:
			x.WriteString("&#x")
			x.WriteString(strconv.FormatInt(int64(b), 16))
			x.WriteByte(';')
		case b < utf8.RuneSelf:
			x.WriteByte(b)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			x.WriteRune(r) // invalid UTF-8 becomes U+FFFD
			i += n
			continue
		}
		i++
	}
}

// listKey is a key as a listing asked with encoding-type=url spells it: escaped
// as in a query, spaces as plus, slashes kept.
func listKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

// xmlTime is the timestamp form of S3's listings.
func xmlTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
