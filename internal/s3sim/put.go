package s3sim

import (
	"net/http"
	"strings"
)

func (c *call) putObject() error {
	cond, err := c.writeCondition()
	if err != nil {
		return err
	}
	if err := cond.check(c.b.get(c.key)); err != nil {
		return err // early, before the body is read, as S3 does
	}
	got, err := c.readBody("")
	if err != nil {
		return err
	}
	o := &object{
		size: got.size, content: c.contentOf(got), etag: got.etag, modified: c.s.now(), crc: got.crc,
		headers: storedHeaders(c.r.Header), class: storageClass(c.r.Header), sum: got.sum,
	}
	if o.sum.Value == "" && !c.s.cfg.NoChecksums {
		o.sum = Checksum{Algorithm: CRC64NVME, Value: crcString(got.crc), Type: FullObject}
	}
	if err := c.b.put(c.key, o, cond); err != nil {
		return err
	}
	c.s.log.accept(c, Entry{Bytes: got.size, CRC: got.crc})
	h := c.w.Header()
	h.Set("ETag", o.etag)
	if o.sum.Value != "" {
		h.Set(o.sum.Algorithm.header(), o.sum.Value)
		h.Set("x-amz-checksum-type", o.sum.Type)
	}
	return c.empty(http.StatusOK)
}

func (c *call) contentOf(got received) content {
	if c.s.cfg.Discard {
		return discarded{}
	}
	return kept{got.data}
}

// storedHeaders picks what is kept with an object. The transfer framing is no
// property of the object, so aws-chunked is taken off Content-Encoding.
func storedHeaders(h http.Header) http.Header {
	out := http.Header{}
	for _, name := range keptHeaders {
		if v := h.Get(name); v != "" {
			out.Set(name, v)
		}
	}
	if enc := out.Get("Content-Encoding"); enc != "" {
		var rest []string
		for one := range strings.SplitSeq(enc, ",") {
			if one = strings.TrimSpace(one); one != "" && !strings.EqualFold(one, "aws-chunked") {
				rest = append(rest, one)
			}
		}
		out.Del("Content-Encoding")
		if len(rest) > 0 {
			out.Set("Content-Encoding", strings.Join(rest, ","))
		}
	}
	for name, values := range h {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			out[name] = values
		}
	}
	return out
}

func storageClass(h http.Header) string {
	if class := h.Get("x-amz-storage-class"); class != "STANDARD" {
		return class
	}
	return ""
}
