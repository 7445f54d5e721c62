package s3sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Signature Version 4 as in the IAM user guide, "Create a signed AWS API
// request", with S3's rule that paths are escaped once and never cleaned.

const (
	sigAlgorithm  = "AWS4-HMAC-SHA256"
	sigTimeLayout = "20060102T150405Z"
)

// scope is the credential scope of a signature.
type scope struct{ day, region, service string }

func (s scope) String() string { return s.day + "/" + s.region + "/" + s.service + "/aws4_request" }

// signature is what a request says about how it was signed.
type signature struct {
	keyID   string
	scope   scope
	headers []string // names of the signed headers, lower case
	time    string   // in sigTimeLayout
	value   string   // hex
}

func hmacSHA256(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

func deriveKey(secret string, s scope) []byte {
	key := hmacSHA256([]byte("AWS4"+secret), s.day)
	key = hmacSHA256(key, s.region)
	key = hmacSHA256(key, s.service)
	return hmacSHA256(key, "aws4_request")
}

// parseAuthorization reads the Authorization header.
func parseAuthorization(header string) (sig signature, ok bool) {
	rest, ok := strings.CutPrefix(header, sigAlgorithm)
	if !ok {
		return sig, false
	}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			if !sig.setCredential(value) {
				return sig, false
			}
		case "SignedHeaders":
			sig.headers = strings.Split(value, ";")
		case "Signature":
			sig.value = value
		}
	}
	return sig, sig.keyID != "" && len(sig.headers) > 0 && sig.value != ""
}

func (s *signature) setCredential(value string) bool {
	fields := strings.Split(value, "/")
	n := len(fields)
	if n < 5 || fields[n-1] != "aws4_request" {
		return false
	}
	s.keyID = strings.Join(fields[:n-4], "/")
	s.scope = scope{day: fields[n-4], region: fields[n-3], service: fields[n-2]}
	return true
}

// sign computes the signature the request should have.
func (s *signature) sign(key []byte, r *http.Request, t target, payloadHash string) string {
	var b strings.Builder
	b.WriteString(r.Method)
	b.WriteString("\n/")
	b.WriteString(escapePath(t.bucket))
	if t.key != "" || strings.Contains(strings.TrimPrefix(pathOf(r), "/"), "/") {
		b.WriteByte('/')
		b.WriteString(escapePath(t.key))
	}
	b.WriteByte('\n')
	b.WriteString(canonicalQuery(t.query))
	b.WriteByte('\n')
	for _, name := range s.headers {
		b.WriteString(name)
		b.WriteByte(':')
		b.WriteString(canonicalHeader(r, name))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(s.headers, ";"))
	b.WriteByte('\n')
	b.WriteString(payloadHash)
	digest := sha256.Sum256([]byte(b.String()))
	toSign := sigAlgorithm + "\n" + s.time + "\n" + s.scope.String() + "\n" + hex.EncodeToString(digest[:])
	return hex.EncodeToString(hmacSHA256(key, toSign))
}

func pathOf(r *http.Request) string {
	path, _ := splitURI(r)
	return path
}

func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		if r.ContentLength >= 0 {
			return strconv.FormatInt(r.ContentLength, 10)
		}
	}
	values := r.Header.Values(name)
	if len(values) == 1 && !strings.Contains(values[0], "  ") {
		return strings.TrimSpace(values[0])
	}
	folded := make([]string, len(values))
	for i, v := range values {
		folded[i] = strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == ' ' }), " ")
	}
	return strings.Join(folded, ",")
}

// canonicalQuery sorts the escaped pairs and leaves the signature itself out.
func canonicalQuery(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	pairs := make([]string, 0, len(q))
	for name, values := range q {
		if name == "X-Amz-Signature" {
			continue
		}
		for _, v := range values {
			pairs = append(pairs, escape(name, "")+"="+escape(v, ""))
		}
	}
	slices.SortFunc(pairs, func(a, b string) int {
		nameA, valueA, _ := strings.Cut(a, "=")
		nameB, valueB, _ := strings.Cut(b, "=")
		if c := strings.Compare(nameA, nameB); c != 0 {
			return c
		}
		return strings.Compare(valueA, valueB)
	})
	return strings.Join(pairs, "&")
}

func escapePath(s string) string { return escape(s, "/") }

// escape percent-encodes all but the unreserved characters of RFC 3986 and those
// in keep.
func escape(s, keep string) string {
	const digits = "0123456789ABCDEF"
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = unreserved(s[i], keep)
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if unreserved(s[i], keep) {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[s[i]>>4])
		b.WriteByte(digits[s[i]&15])
	}
	return b.String()
}

func unreserved(c byte, keep string) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		return true
	}
	return strings.IndexByte(keep, c) >= 0
}
