package s3sim

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
)

// completeList is the body of CompleteMultipartUpload.
type completeList struct {
	Parts []completePart `xml:"Part"`
}

type completePart struct {
	PartNumber        int
	ETag              string
	ChecksumCRC64NVME string
	ChecksumCRC32     string
	ChecksumCRC32C    string
	ChecksumSHA1      string
	ChecksumSHA256    string
}

func (p completePart) sum(a Algorithm) string {
	switch a {
	case CRC64NVME:
		return p.ChecksumCRC64NVME
	case CRC32:
		return p.ChecksumCRC32
	case CRC32C:
		return p.ChecksumCRC32C
	case SHA1:
		return p.ChecksumSHA1
	}
	return p.ChecksumSHA256
}

func (c *call) completeUpload() error {
	doc, err := c.readDocument()
	if err != nil {
		return err
	}
	var list completeList
	if xml.Unmarshal(doc, &list) != nil || len(list.Parts) == 0 || len(list.Parts) > 10000 {
		return malformedXML()
	}
	cond, err := c.writeCondition()
	if err != nil {
		return err
	}
	o, err := c.complete(list.Parts, cond)
	if err != nil {
		return err
	}
	c.writeXML(http.StatusOK, c.completeReply(o))
	return nil
}

// complete does it under the bucket's lock, so that of two at the same time one
// finds the upload gone.
func (c *call) complete(list []completePart, cond writeCondition) (*object, error) {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	u := c.b.uploads[c.uploadID]
	if u == nil || u.key != c.key {
		return c.replay(list)
	}
	parts, err := c.chosenParts(u, list)
	if err != nil {
		return nil, err
	}
	o, err := c.assemble(u, parts)
	if err != nil {
		return nil, err
	}
	if err := c.b.putLocked(c.key, o, cond); err != nil {
		return nil, err
	}
	delete(c.b.uploads, u.id)
	done := &finished{key: c.key, object: o}
	for _, p := range parts {
		done.etags = append(done.etags, bare(p.etag))
	}
	c.b.finished[u.id] = done
	c.s.log.accept(c, Entry{CRC: o.crc})
	return o, nil
}

func (c *call) replay(list []completePart) (*object, error) {
	done := c.b.finished[c.uploadID]
	if done == nil || done.key != c.key || c.s.cfg.ReplayNotFound {
		return nil, noSuchUpload()
	}
	same := slices.EqualFunc(done.etags, list, func(etag string, p completePart) bool { return etag == bare(p.ETag) })
	if !same {
		return nil, noSuchUpload()
	}
	return done.object, nil
}

// chosenParts checks the list against what was stored.
func (c *call) chosenParts(u *upload, list []completePart) ([]*part, error) {
	parts := make([]*part, len(list))
	for i, want := range list {
		if i > 0 && want.PartNumber <= list[i-1].PartNumber {
			return nil, refuse(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
		}
		p := u.parts[want.PartNumber]
		if p == nil || bare(want.ETag) != bare(p.etag) {
			return nil, invalidPart(want.PartNumber)
		}
		for _, a := range algorithms {
			sum := want.sum(a)
			if sum != "" && (p.sum.Algorithm != a || p.sum.Value != sum) && (a != CRC64NVME || crcString(p.crc) != sum) {
				return nil, invalidPart(want.PartNumber)
			}
		}
		if u.kind == Composite && want.sum(u.algorithm) == "" {
			return nil, invalidRequest("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.", u.algorithm, want.PartNumber)
		}
		parts[i] = p
	}
	for _, p := range parts[:len(parts)-1] {
		if p.size < c.s.cfg.MinPartSize {
			return nil, refuse(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size: part %d has %d bytes.", p.number, p.size)
		}
	}
	return parts, nil
}

func invalidPart(number int) error {
	return refuse(400, "InvalidPart", "One or more of the specified parts could not be found, or its ETag or checksum is not the stored one: part %d.", number)
}

// assemble builds the object and holds it against what the request declares.
func (c *call) assemble(u *upload, parts []*part) (*object, error) {
	o := &object{modified: c.s.now(), headers: u.headers, class: u.class, parts: len(parts)}
	var pieces kept
	crc := newJoiner(CRC64NVME)
	for _, p := range parts {
		o.size += p.size
		pieces = append(pieces, p.data...)
		crc.add(p.crc, p.size)
	}
	o.crc, o.content, o.etag = crc.crc, pieces, c.multipartETag(parts)
	if c.s.cfg.Discard {
		o.content = discarded{}
	}
	if size := c.r.Header.Get("x-amz-mp-object-size"); size != "" && size != strconv.FormatInt(o.size, 10) {
		return nil, invalidRequest("The provided 'x-amz-mp-object-size' header value %s does not match the size of the object.", size)
	}
	o.sum = u.wholeSum(parts, o.crc, !c.s.cfg.NoChecksums)
	kind := c.r.Header.Get("x-amz-checksum-type")
	if kind != "" && kind != o.sum.Type {
		return nil, invalidRequest("The upload was created with another checksum type than %s.", kind)
	}
	sent, ok, err := sentChecksum(stripCount(c.r.Header))
	if err != nil || !ok {
		return o, err
	}
	want := o.sum
	if sent.Algorithm == CRC64NVME && want.Algorithm == "" {
		want = Checksum{Algorithm: CRC64NVME, Value: crcString(o.crc)}
	}
	if sent.Algorithm != want.Algorithm {
		return nil, invalidRequest("The upload was not created with the %s checksum algorithm.", sent.Algorithm)
	}
	if sent.Value != stripSuffix(want.Value) {
		return nil, refuse(400, "BadDigest", "The %s you specified did not match the calculated checksum.", sent.Algorithm)
	}
	return o, nil
}

// wholeSum is the checksum stored with the completed object.
func (u *upload) wholeSum(parts []*part, crc uint64, always bool) Checksum {
	switch {
	case u.algorithm == "" && always, u.algorithm == CRC64NVME:
		return Checksum{Algorithm: CRC64NVME, Value: crcString(crc), Type: FullObject}
	case u.algorithm == "":
		return Checksum{}
	case u.kind == FullObject:
		value := joinValues(u.algorithm, parts, func(p *part) string { return p.sum.Value })
		return Checksum{Algorithm: u.algorithm, Value: value, Type: FullObject}
	}
	h := u.algorithm.new()
	for _, p := range parts {
		writeDecoded(h, p.sum.Value)
	}
	value := base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts))
	return Checksum{Algorithm: u.algorithm, Value: value, Type: Composite}
}

func writeDecoded(h hash.Hash, value string) {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err == nil {
		h.Write(raw)
	}
}

// multipartETag is the MD5 of the parts' MD5s and their number, or its cheap kin.
func (c *call) multipartETag(parts []*part) string {
	h := md5.New()
	for _, p := range parts {
		raw, err := hex.DecodeString(bare(p.etag))
		if err == nil {
			h.Write(raw)
		}
	}
	sum := h.Sum(nil)
	if c.s.cfg.CheapETags {
		sum = sum[:12]
	}
	return fmt.Sprintf(`"%x-%d"`, sum, len(parts))
}

// completeReply is the CompleteMultipartUploadResult.
func (c *call) completeReply(o *object) []byte {
	var x xmlDoc
	x.root("CompleteMultipartUploadResult")
	x.elem("Location", c.s.URL()+"/"+c.bucket+"/"+escapePath(c.key))
	x.elem("Bucket", c.bucket)
	x.elem("Key", c.key)
	if !c.flag(NoETag) {
		x.elem("ETag", o.etag)
	}
	if o.sum.Value != "" && !c.flag(HideChecksums) {
		value := o.sum.Value
		if c.flag(WrongChecksumEcho) {
			value = otherChecksum(value)
		}
		x.elem(o.sum.Algorithm.element(), value)
		x.elem("ChecksumType", o.sum.Type)
	}
	x.shut("CompleteMultipartUploadResult")
	return x.Bytes()
}

// stripCount takes "-N" off the composite checksum a client may send.
func stripCount(h http.Header) http.Header {
	out := http.Header{}
	for _, a := range algorithms {
		if v := h.Get(a.header()); v != "" {
			out.Set(a.header(), stripSuffix(v))
		}
	}
	return out
}

func stripSuffix(value string) string {
	for i := len(value) - 1; i >= 0; i-- {
		if value[i] == '-' { // not a letter of base64
			return value[:i]
		}
	}
	return value
}
