package s3sim

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const maxPage = 1000

// page is one page of a listing: keys and common prefixes in one order.
type page struct {
	keys     []string
	prefixes []string
	last     string // the key or prefix the next page begins after
	more     bool
}

// cut takes a page of at most n names after marker from sorted keys.
func cut(keys []string, prefix, delimiter, marker string, n int) page {
	var p page
	from, _ := slices.BinarySearch(keys, max(prefix, marker))
	for _, key := range keys[from:] {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if key == marker || delimiter != "" && strings.HasSuffix(marker, delimiter) && strings.HasPrefix(key, marker) && len(marker) > len(prefix) {
			continue // listed before, itself or below its prefix
		}
		name, folded := key, false
		if delimiter != "" {
			if i := strings.Index(key[len(prefix):], delimiter); i >= 0 {
				name, folded = key[:len(prefix)+i+len(delimiter)], true
			}
		}
		if folded && name == p.last {
			continue
		}
		if len(p.keys)+len(p.prefixes) == n {
			p.more = true
			break
		}
		if folded {
			p.prefixes = append(p.prefixes, name)
		} else {
			p.keys = append(p.keys, name)
		}
		p.last = name
	}
	return p
}

// pageSize reads max-keys and its kin.
func pageSize(value string) (int, error) {
	if value == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, invalidArgument("Provided max-keys not an integer or within integer range")
	}
	return min(n, maxPage), nil
}

// spelling is how this listing writes keys.
func (c *call) spelling() (write func(string) string, encoding string, err error) {
	switch c.query.Get("encoding-type") {
	case "":
		return func(s string) string { return s }, "", nil
	case "url":
		if c.s.cfg.PlainListKeys {
			return func(s string) string { return s }, "", nil
		}
		return listKey, "url", nil
	}
	return nil, "", invalidArgument("Invalid Encoding Method specified in Request")
}

// listObjects answers ListObjectsV2 and the older ListObjects.
func (c *call) listObjects() error {
	q, v2 := c.query, c.op == ListObjectsV2
	n, err := pageSize(q.Get("max-keys"))
	if err != nil {
		return err
	}
	write, encoding, err := c.spelling()
	if err != nil {
		return err
	}
	marker := q.Get("marker")
	if v2 {
		marker = q.Get("start-after")
		if token := q.Get("continuation-token"); token != "" {
			raw, err := base64.RawURLEncoding.DecodeString(token)
			if err != nil {
				return invalidArgument("The continuation token provided is incorrect")
			}
			marker = string(raw)
		}
	}
	p := cut(c.b.keys(), q.Get("prefix"), q.Get("delimiter"), marker, n)
	if n == 0 {
		p.more = false
	}
	p, next := c.spoilPage(p, marker)
	var x xmlDoc
	x.root("ListBucketResult")
	x.elem("Name", c.bucket)
	x.elem("Prefix", write(q.Get("prefix")))
	x.number("MaxKeys", int64(n))
	if d := q.Get("delimiter"); d != "" {
		x.elem("Delimiter", write(d))
	}
	if encoding != "" {
		x.elem("EncodingType", encoding)
	}
	if v2 {
		x.number("KeyCount", int64(len(p.keys)+len(p.prefixes)))
		if token := q.Get("continuation-token"); token != "" {
			x.elem("ContinuationToken", token)
		}
		if after := q.Get("start-after"); after != "" {
			x.elem("StartAfter", write(after))
		}
	} else {
		x.elem("Marker", write(marker))
	}
	x.elem("IsTruncated", strconv.FormatBool(p.more))
	switch {
	case next == "":
	case v2:
		x.elem("NextContinuationToken", base64.RawURLEncoding.EncodeToString([]byte(next)))
	default:
		x.elem("NextMarker", write(next))
	}
	c.writeContents(&x, p.keys, write)
	for _, prefix := range p.prefixes {
		x.open("CommonPrefixes")
		x.elem("Prefix", write(prefix))
		x.shut("CommonPrefixes")
	}
	x.shut("ListBucketResult")
	c.writeXML(http.StatusOK, x.Bytes())
	return nil
}

func (c *call) writeContents(x *xmlDoc, keys []string, write func(string) string) {
	for _, key := range keys {
		o := c.b.get(key)
		if o == nil {
			continue // deleted while the page was written
		}
		x.open("Contents")
		x.elem("Key", write(key))
		x.elem("LastModified", xmlTime(o.modified))
		x.elem("ETag", o.etag)
		if o.sum.Algorithm != "" {
			x.elem("ChecksumAlgorithm", string(o.sum.Algorithm))
			x.elem("ChecksumType", o.sum.Type)
		}
		x.number("Size", o.size)
		class := o.class
		if class == "" {
			class = "STANDARD"
		}
		x.elem("StorageClass", class)
		x.shut("Contents")
	}
}

// spoilPage lets the listing faults have their way; next is the marker of the
// page that follows, empty if none does.
func (c *call) spoilPage(p page, marker string) (page, string) {
	if len(p.keys) > 1 && c.flag(ListUnordered) {
		p.keys = slices.Clone(p.keys)
		p.keys[0], p.keys[1] = p.keys[1], p.keys[0]
	}
	if len(p.keys) > 0 && c.flag(ListDuplicate) {
		p.keys = append(slices.Clone(p.keys), p.keys[len(p.keys)-1])
	}
	if !p.more {
		return p, ""
	}
	switch {
	case c.flag(ListNoToken):
		return p, ""
	case marker != "" && c.flag(ListRepeatToken):
		return p, marker
	}
	return p, p.last
}
