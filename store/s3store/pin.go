package s3store

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"xfer/engine"
)

// pinOf reads what the headers of a GET or HEAD say of the object. A real reply
// names at least an ETag and a length.
func pinOf(r *request, resp *http.Response) (engine.Pin, error) {
	h := resp.Header
	pin := engine.Pin{
		Size:     resp.ContentLength,
		ETag:     h.Get("Etag"),
		Version:  h.Get("X-Amz-Version-Id"),
		Checksum: storedSum(r.bucket, h),
		Metadata: metadataOf(h),
	}
	switch {
	case pin.ETag == "":
		return engine.Pin{}, r.unbelievable("no ETag")
	case pin.Size < 0:
		return engine.Pin{}, r.unbelievable("no Content-Length")
	}
	return pin, nil
}

func metadataOf(h http.Header) engine.Metadata {
	m := engine.Metadata{
		ContentType:        h.Get("Content-Type"),
		CacheControl:       h.Get("Cache-Control"),
		ContentDisposition: h.Get("Content-Disposition"),
		ContentEncoding:    h.Get("Content-Encoding"),
		ContentLanguage:    h.Get("Content-Language"),
		Expires:            h.Get("Expires"),
		StorageClass:       h.Get("X-Amz-Storage-Class"),
	}
	if t, err := http.ParseTime(h.Get("Last-Modified")); err == nil {
		m.Modified = t
	}
	for name, values := range h {
		if user, ok := strings.CutPrefix(name, userPrefix); ok {
			if m.User == nil {
				m.User = make(map[string]string)
			}
			m.User[strings.ToLower(user)] = strings.Join(values, ",")
		}
	}
	return m
}

const userPrefix = "X-Amz-Meta-"

// stored names the checksums a server may keep, those first that follow from
// the parts of an object in any order.
var stored = [...]engine.Algorithm{engine.CRC64NVME, engine.CRC32C, engine.CRC32, engine.SHA256, engine.SHA1}

// storedSum is the checksum of all bytes that a server keeps of an object. A
// composite one is a sum of sums and says nothing of the bytes in one pass. An
// ETag stands in where it is the MD5 of the bytes: an object put in one request,
// not encrypted with KMS or a customer's key, not in a directory bucket (S3 API
// reference, "Object").
func storedSum(bucket string, h http.Header) engine.Checksum {
	if h.Get("X-Amz-Checksum-Type") != "COMPOSITE" {
		for _, a := range stored {
			if sum := engine.ParseChecksum(a, h.Get("X-Amz-Checksum-"+string(a))); !sum.IsZero() {
				return sum
			}
		}
	}
	if strings.HasPrefix(h.Get("X-Amz-Server-Side-Encryption"), "aws:kms") ||
		h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" || strings.HasSuffix(bucket, "--x-s3") {
		return engine.Checksum{}
	}
	if raw, ok := md5Of(h.Get("Etag")); ok {
		return engine.Checksum{Algorithm: engine.MD5, Sum: raw}
	}
	return engine.Checksum{}
}

// md5Of reads an ETag that has the form of an MD5: 32 lower-case hexadecimal
// digits in quotes.
func md5Of(etag string) (raw string, ok bool) {
	digits := strings.Trim(etag, `"`)
	if len(digits) != 32 || digits != strings.ToLower(digits) {
		return "", false
	}
	b, err := hex.DecodeString(digits)
	return string(b), err == nil
}

// describe is metadataOf the other way: the headers of an upload. Values no
// header can hold are refused rather than changed.
func describe(r *request, m engine.Metadata, class bool) error {
	set := func(name, value string) error {
		if value == "" {
			return nil
		}
		if !headerName(name) || !headerValue(value) {
			return fmt.Errorf("%s %s: %w: metadata %q cannot be a header", r.verb, r.place(), engine.ErrRefused, name)
		}
		r.header.Set(name, value)
		return nil
	}
	if !class {
		m.StorageClass = ""
	}
	for _, f := range [...]struct{ name, value string }{
		{"Content-Type", m.ContentType},
		{"Cache-Control", m.CacheControl},
		{"Content-Disposition", m.ContentDisposition},
		{"Content-Encoding", m.ContentEncoding},
		{"Content-Language", m.ContentLanguage},
		{"Expires", m.Expires},
		{"X-Amz-Storage-Class", m.StorageClass},
	} {
		if err := set(f.name, f.value); err != nil {
			return err
		}
	}
	for name, value := range m.User {
		if err := set(userPrefix+name, value); err != nil {
			return err
		}
	}
	return nil
}

// headerName reports whether s is a token (RFC 9110, section 5.6.2).
func headerName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// headerValue reports whether s holds no control character but a tab (section 5.5).
func headerValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
