package creds

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// errWebPage: what should hold keys is a page for people.
var errWebPage = errors.New("it is a web page")

// A field is one of the things a set of keys consists of.
type field int

const (
	fieldID field = iota
	fieldSecret
	fieldToken
	fieldExpiry
	fieldAccount
	fieldVersion
	fieldN
)

// spellings maps what vendors call a field, in lower case and without anything
// but letters, to the field.
var spellings = map[string]field{
	"accesskeyid":    fieldID,
	"awsaccesskeyid": fieldID,
	"accessid":       fieldID,
	"accesskey":      fieldID,

	"secretaccesskey":    fieldSecret,
	"awssecretaccesskey": fieldSecret,
	"secretkey":          fieldSecret,
	"secret":             fieldSecret,

	"sessiontoken":     fieldToken,
	"awssessiontoken":  fieldToken,
	"securitytoken":    fieldToken,
	"awssecuritytoken": fieldToken,
	"token":            fieldToken,

	"expiration":              fieldExpiry,
	"expires":                 fieldExpiry,
	"expiry":                  fieldExpiry,
	"expiresat":               fieldExpiry,
	"awsexpiration":           fieldExpiry,
	"awssessionexpiration":    fieldExpiry,
	"awscredentialexpiration": fieldExpiry,

	"accountid":    fieldAccount,
	"awsaccountid": fieldAccount,

	"version": fieldVersion,
}

// vague are spellings that other things have as well. They count only where the
// field has no better one.
var vague = map[string]bool{
	"accesskey": true, "secret": true, "token": true, "expires": true, "expiry": true, "expiresat": true,
}

// spelled finds the field a name stands for.
func spelled(name string) (f field, sure, ok bool) {
	letters := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r == '_' || r == '-' || r == ' ' || r == '.':
			return -1
		}
		return '?'
	}, strings.TrimSpace(name))
	f, ok = spellings[letters]
	return f, !vague[letters], ok
}

// found are the texts of the fields, under sure and under vague names.
type found struct {
	sure, vague [fieldN]string
}

// put records a value under the name it has, if the name is known. It fails if
// another value is there: then the text holds more than one set of keys, and
// guessing would pick the wrong one.
func (f *found) put(name, value string) error {
	at, sure, ok := spelled(name)
	if !ok || value == "" {
		return nil
	}
	texts := &f.vague
	if sure {
		texts = &f.sure
	}
	if texts[at] != "" && texts[at] != value {
		return errors.New("it holds more than one set of keys")
	}
	texts[at] = value
	return nil
}

// text is the value of a field; empty if there is none.
func (f *found) text(at field) string { return cmp.Or(f.sure[at], f.vague[at]) }

// whole reports whether there is what every set of keys needs.
func (f *found) whole() bool { return f.text(fieldID) != "" && f.text(fieldSecret) != "" }

// parseKeys reads keys from what a vendor or a person wrote: JSON, the XML of
// AWS STS, NAME=value lines with or without export, or "Name: value" lines as a
// web page shows them. Errors quote nothing of data. With errZoneless the keys
// are good apart from their missing expiry.
func parseKeys(data []byte) (Keys, error) {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	var f found
	var err error
	switch {
	case len(data) == 0:
		return Keys{}, errors.New("it is empty")
	case webPage(data):
		return Keys{}, errWebPage
	case data[0] == '{':
		f, err = parseJSON(data)
	case data[0] == '<':
		f, err = parseXML(data)
	default:
		f, err = parseLines(string(data))
	}
	if err != nil {
		return Keys{}, err
	}
	return f.keys()
}

// keys checks the texts and puts them together.
func (f *found) keys() (Keys, error) {
	switch {
	case f.text(fieldID) == "" && f.text(fieldSecret) == "":
		return Keys{}, errors.New("it holds no keys")
	case f.text(fieldID) == "":
		return Keys{}, errors.New("it holds no access key id")
	case f.text(fieldSecret) == "":
		return Keys{}, errors.New("it holds no secret access key")
	}
	for at, name := range []string{fieldID: "access key id", fieldSecret: "secret access key", fieldToken: "session token"} {
		if !headerSafe(f.text(field(at))) {
			return Keys{}, fmt.Errorf("its %s has characters that no key has", name)
		}
	}
	k := Keys{
		AccessKeyID:     f.text(fieldID),
		SecretAccessKey: NewSecret(f.text(fieldSecret)),
		SessionToken:    NewSecret(f.text(fieldToken)),
		AccountID:       f.text(fieldAccount),
	}
	var err error
	k.Expires, err = parseExpiry(f.text(fieldExpiry))
	return k, err
}

// headerSafe reports whether text can stand in an HTTP header as one word.
func headerSafe(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// webPage reports whether data is HTML.
func webPage(data []byte) bool {
	head := bytes.ToLower(data[:min(len(data), 512)])
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")) ||
		(head[0] == '<' && bytes.Contains(head, []byte("<html")))
}
