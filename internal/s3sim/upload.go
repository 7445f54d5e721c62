package s3sim

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// upload is an open multipart upload; its bucket's mutex guards it.
type upload struct {
	id        string
	key       string
	initiated time.Time
	headers   http.Header
	class     string
	algorithm Algorithm // declared at Create; empty if none was
	kind      string    // FullObject or Composite, empty without algorithm
	parts     map[int]*part
}

// part is one stored part; it never changes, sending it again makes a new one.
type part struct {
	number   int
	size     int64
	data     kept
	etag     string // with quotes
	crc      uint64
	modified time.Time
	sum      Checksum // of the upload's algorithm, or what the part declared
}

// finished is what a repeated Complete is answered with.
type finished struct {
	key    string
	etags  []string // of the parts, in order
	object *object
}

func (u *upload) numbers() []int {
	return slices.Sorted(maps.Keys(u.parts))
}

func (c *call) createUpload() error {
	u := &upload{
		id: newUploadID(c.s.serial.Add(1)), key: c.key, initiated: c.s.now(), headers: storedHeaders(c.r.Header),
		class: storageClass(c.r.Header), parts: map[int]*part{},
	}
	if name := c.r.Header.Get("x-amz-checksum-algorithm"); name != "" {
		a, ok := parseAlgorithm(name)
		if !ok {
			return invalidRequest("Checksum algorithm provided is unsupported.")
		}
		u.algorithm = a
		u.kind = defaultKind(a)
	}
	if kind := c.r.Header.Get("x-amz-checksum-type"); kind != "" {
		if u.algorithm == "" || !kindAllowed(u.algorithm, kind) {
			return invalidRequest("The %s checksum type cannot be used with the %s checksum algorithm.", kind, u.algorithm)
		}
		u.kind = kind
	}
	c.b.mu.Lock()
	c.b.uploads[u.id] = u
	c.b.mu.Unlock()
	c.uploadID = u.id
	c.s.log.accept(c, Entry{})
	if u.algorithm != "" {
		c.w.Header().Set("x-amz-checksum-algorithm", string(u.algorithm))
		c.w.Header().Set("x-amz-checksum-type", u.kind)
	}
	var x xmlDoc
	x.root("InitiateMultipartUploadResult")
	x.elem("Bucket", c.bucket)
	x.elem("Key", c.key)
	x.elem("UploadId", u.id)
	x.shut("InitiateMultipartUploadResult")
	c.writeXML(http.StatusOK, x.Bytes())
	return nil
}

// The S3 user guide's table "Checking object integrity": CRC64NVME is only ever
// FULL_OBJECT, SHA-1 and SHA-256 only COMPOSITE, the other CRCs either, and
// COMPOSITE unless said otherwise.
func defaultKind(a Algorithm) string {
	if a == CRC64NVME {
		return FullObject
	}
	return Composite
}

func kindAllowed(a Algorithm, kind string) bool {
	switch kind {
	case FullObject:
		return a != SHA1 && a != SHA256
	case Composite:
		return a != CRC64NVME
	}
	return false
}

// openUpload finds the call's upload.
func (c *call) openUpload() (*upload, error) {
	c.b.mu.RLock()
	defer c.b.mu.RUnlock()
	if u := c.b.uploads[c.uploadID]; u != nil && u.key == c.key {
		return u, nil
	}
	return nil, noSuchUpload()
}

func (c *call) uploadPart() error {
	if c.part == 0 {
		return invalidArgument("A part number is required.")
	}
	u, err := c.openUpload()
	if err != nil {
		return err
	}
	if err := c.checkDeclared(u); err != nil {
		return err
	}
	got, err := c.readBody(u.algorithm)
	if err != nil {
		return err
	}
	p := &part{number: c.part, size: got.size, etag: got.etag, crc: got.crc, modified: c.s.now(), sum: got.sum}
	if !c.s.cfg.Discard {
		p.data = kept{got.data}
	}
	if p.sum.Value == "" && u.algorithm != "" {
		p.sum = Checksum{Algorithm: u.algorithm, Value: got.want}
	}
	if err := c.keepPart(p); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("ETag", p.etag)
	if p.sum.Value != "" {
		h.Set(p.sum.Algorithm.header(), p.sum.Value)
	}
	return c.empty(http.StatusOK)
}

// checkDeclared refuses a part whose checksum is not of the upload's algorithm.
func (c *call) checkDeclared(u *upload) error {
	sum, sent, err := sentChecksum(c.r.Header)
	if err != nil {
		return err
	}
	algorithm := sum.Algorithm
	if !sent {
		algorithm = c.trailerAlgorithm()
	}
	switch {
	case u.algorithm == "":
		return nil
	case algorithm == "" && c.s.cfg.RequirePartChecksums:
		return invalidArgument("The upload declared %s; the part has no checksum.", u.algorithm)
	case algorithm != "" && algorithm != u.algorithm:
		return invalidRequest("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s", u.algorithm, algorithm)
	}
	return nil
}

// keepPart stores p unless the upload has gone while the body was read.
func (c *call) keepPart(p *part) error {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	u := c.b.uploads[c.uploadID]
	if u == nil {
		return noSuchUpload()
	}
	u.parts[p.number] = p
	c.s.log.accept(c, Entry{Bytes: p.size, CRC: p.crc})
	return nil
}

func (c *call) abortUpload() error {
	c.b.mu.Lock()
	u := c.b.uploads[c.uploadID]
	found := u != nil && u.key == c.key
	if found {
		delete(c.b.uploads, c.uploadID)
		c.s.log.accept(c, Entry{})
	}
	c.b.mu.Unlock()
	if !found {
		return noSuchUpload()
	}
	return c.empty(http.StatusNoContent)
}
