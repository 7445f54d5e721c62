package s3sim

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// copySource finds the object that x-amz-copy-source names and checks the
// copy-source conditions.
func (c *call) copySource() (*object, error) {
	value, _, _ := strings.Cut(c.r.Header.Get("x-amz-copy-source"), "?versionId=")
	path, err := url.PathUnescape(strings.TrimPrefix(value, "/"))
	name, key, ok := strings.Cut(path, "/")
	if err != nil || !ok || key == "" {
		return nil, invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	b := c.s.bucket(name)
	if b == nil {
		return nil, noSuchBucket(name)
	}
	if !c.caller.anonymous && !c.caller.key.mayUse(name) {
		return nil, accessDenied("Access Denied")
	}
	o := b.get(key)
	if o == nil {
		return nil, noSuchKey()
	}
	if !c.flag(IgnoreIfMatch) {
		if err := checkRead(c.r.Header, o, "X-Amz-Copy-Source-"); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (c *call) copyObject() error {
	src, err := c.copySource()
	if err != nil {
		return err
	}
	if src.size > maxBody {
		return invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxBody))
	}
	cond, err := c.writeCondition()
	if err != nil {
		return err
	}
	o := *src
	o.modified, o.parts = c.s.now(), 0
	o.class = storageClass(c.r.Header)
	o.crc = src.crc64()
	if c.r.Header.Get("x-amz-metadata-directive") == "REPLACE" {
		o.headers = storedHeaders(c.r.Header)
	} else {
		o.headers = maps.Clone(src.headers)
	}
	if src.sum.Type == Composite || (src.sum.Value == "" && !c.s.cfg.NoChecksums) {
		o.sum = Checksum{Algorithm: CRC64NVME, Value: crcString(o.crc), Type: FullObject}
	}
	if src.parts > 0 {
		o.etag = cheapETag(o.crc, o.size)
	}
	if err := c.b.put(c.key, &o, cond); err != nil {
		return err
	}
	c.s.log.accept(c, Entry{CRC: o.crc, Copied: o.size})
	c.copyReply("CopyObjectResult", o.etag, o.checksum(), xmlTime(o.modified))
	return nil
}

func (c *call) uploadPartCopy() error {
	if c.part == 0 {
		return invalidArgument("A part number is required.")
	}
	u, err := c.openUpload()
	if err != nil {
		return err
	}
	src, err := c.copySource()
	if err != nil {
		return err
	}
	r := byteRange{0, src.size}
	if value := c.r.Header.Get("x-amz-copy-source-range"); value != "" {
		var ok bool
		if r, ok, err = parseRange(value, src.size); err != nil || !ok {
			return invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last.")
		}
	}
	size := r.end - r.start
	if size > maxBody {
		return invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxBody))
	}
	d := &digests{}
	d.want(u.algorithm)
	f := filler{make([]byte, 0, size)}
	if err := src.content.writeRange(&f, r.start, size); err != nil {
		return notImplemented("copying an object whose bytes were discarded")
	}
	d.Write(f.p)
	p := &part{number: c.part, size: size, crc: d.crc, modified: c.s.now()}
	if !c.s.cfg.Discard {
		p.data = kept{f.p}
	}
	p.etag = cheapETag(d.crc, size)
	if !c.s.cfg.CheapETags {
		p.etag = `"` + md5Hex(f.p) + `"`
	}
	if u.algorithm != "" {
		p.sum = Checksum{Algorithm: u.algorithm, Value: d.value()}
	}
	if err := c.keepPart(p); err != nil {
		return err
	}
	c.copyReply("CopyPartResult", p.etag, p.sum, xmlTime(p.modified))
	return nil
}

func (c *call) copyReply(root, etag string, sum Checksum, modified string) {
	var x xmlDoc
	x.root(root)
	x.elem("LastModified", modified)
	if !c.flag(NoETag) {
		x.elem("ETag", etag)
	}
	if sum.Value != "" && !c.flag(HideChecksums) {
		x.elem(sum.Algorithm.element(), sum.Value)
	}
	x.shut(root)
	c.writeXML(http.StatusOK, x.Bytes())
}
