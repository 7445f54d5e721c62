package s3sim

import (
	"fmt"
	"maps"
	"net/http"
)

// getObject answers GetObject and HeadObject.
func (c *call) getObject() error {
	if c.query.Has("partNumber") {
		return notImplemented("reading by part number")
	}
	o := c.b.get(c.key)
	if o == nil {
		if c.s.denies(ListObjectsV2) {
			return accessDenied("Access Denied")
		}
		return noSuchKey()
	}
	if !c.flag(IgnoreIfMatch) {
		if err := checkRead(c.r.Header, o, ""); err != nil {
			return err
		}
	}
	if c.op == GetObject && (o.class == "GLACIER" || o.class == "DEEP_ARCHIVE") {
		return refuse(403, "InvalidObjectState", "The operation is not valid for the object's storage class")
	}
	r, partial := byteRange{0, o.size}, false
	if value := c.r.Header.Get("Range"); value != "" && !c.flag(IgnoreRange) {
		var err error
		if r, partial, err = c.rangeOf(value, o.size); err != nil {
			c.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", o.size))
			return err
		}
	}
	if _, gone := o.content.(discarded); gone && c.op == GetObject && r.end > r.start {
		return notImplemented("reading an object whose bytes were discarded")
	}
	c.objectHeaders(o, partial)
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", r.start, r.end-1, o.size))
	}
	c.setSize("Content-Length", r.end-r.start)
	c.w.WriteHeader(status)
	if c.op == HeadObject {
		return nil
	}
	_ = o.content.writeRange(&servedWriter{c}, r.start, r.end-r.start) // the client went away
	return nil
}

func (c *call) rangeOf(value string, size int64) (byteRange, bool, error) {
	r, ok, err := parseRange(value, size)
	if err != nil || !ok {
		return byteRange{0, size}, false, err
	}
	if r.end-r.start < size && c.flag(WrongRange) {
		if r.end < size {
			return byteRange{r.start + 1, r.end + 1}, true, nil
		}
		return byteRange{r.start - 1, r.end - 1}, true, nil
	}
	return r, true, nil
}

// objectHeaders sets what GetObject and HeadObject tell. S3 returns the stored
// checksum only for the whole object, and only if asked.
func (c *call) objectHeaders(o *object, partial bool) {
	h := c.w.Header()
	maps.Copy(h, o.headers)
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "binary/octet-stream")
	}
	h.Set("ETag", o.etag)
	h.Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	if o.class != "" {
		h.Set("x-amz-storage-class", o.class)
	}
	if c.r.Header.Get("x-amz-checksum-mode") != "ENABLED" || partial {
		return
	}
	if sum := o.checksum(); sum.Value != "" {
		h.Set(sum.Algorithm.header(), sum.Value)
		h.Set("x-amz-checksum-type", sum.Type)
	}
}

// servedWriter counts the bytes of objects that went out.
type servedWriter struct{ c *call }

func (w *servedWriter) Write(p []byte) (int, error) {
	served := &w.c.s.log.served
	served.Add(int64(len(p))) // first, or a client could have the bytes before they count
	n, err := w.c.w.Write(p)
	served.Add(int64(n - len(p)))
	return n, err
}
