package s3sim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (c *call) listBuckets() error {
	c.s.mu.RLock()
	names := slices.Sorted(maps.Keys(c.s.buckets))
	c.s.mu.RUnlock()
	var x xmlDoc
	x.root("ListAllMyBucketsResult")
	x.open("Owner")
	x.elem("ID", "s3sim")
	x.shut("Owner")
	x.open("Buckets")
	for _, name := range names {
		if !c.caller.anonymous && !c.caller.key.mayUse(name) {
			continue
		}
		x.open("Bucket")
		x.elem("Name", name)
		x.elem("CreationDate", xmlTime(c.started))
		x.shut("Bucket")
	}
	x.shut("Buckets")
	x.shut("ListAllMyBucketsResult")
	c.writeXML(http.StatusOK, x.Bytes())
	return nil
}

func (c *call) createBucket() error {
	if _, err := c.readDocument(); err != nil {
		return err
	}
	if c.s.bucket(c.bucket) != nil {
		return refuse(409, "BucketAlreadyOwnedByYou", "The bucket exists and you own it.")
	}
	c.s.CreateBucket(c.bucket)
	return c.empty(http.StatusOK)
}

func (c *call) headBucket() error { return c.empty(http.StatusOK) }

// getBucketLocation spells us-east-1 as an empty constraint, as S3 does.
func (c *call) getBucketLocation() error {
	region := c.b.region
	if region == "us-east-1" {
		region = ""
	}
	var x xmlDoc
	x.root("LocationConstraint")
	x.text(region)
	x.shut("LocationConstraint")
	c.writeXML(http.StatusOK, x.Bytes())
	return nil
}

func (c *call) listParts() error {
	n, err := pageSize(c.query.Get("max-parts"))
	if err != nil {
		return err
	}
	marker, _ := strconv.Atoi(c.query.Get("part-number-marker"))
	u, err := c.openUpload()
	if err != nil {
		return err
	}
	parts := c.partsOf(u)
	parts = slices.DeleteFunc(parts, func(p *part) bool { return p.number <= marker })
	more := len(parts) > n
	parts = parts[:min(n, len(parts))]
	next := marker
	if len(parts) > 0 && (marker == 0 || !c.flag(ListRepeatToken)) {
		next = parts[len(parts)-1].number
	}
	var x xmlDoc
	x.root("ListPartsResult")
	x.elem("Bucket", c.bucket)
	x.elem("Key", c.key)
	x.elem("UploadId", u.id)
	x.number("PartNumberMarker", int64(marker))
	if !more || !c.flag(ListNoToken) {
		x.number("NextPartNumberMarker", int64(next))
	}
	x.number("MaxParts", int64(n))
	x.elem("IsTruncated", strconv.FormatBool(more))
	if u.algorithm != "" {
		x.elem("ChecksumAlgorithm", string(u.algorithm))
		x.elem("ChecksumType", u.kind)
	}
	for _, p := range parts {
		x.open("Part")
		x.number("PartNumber", int64(p.number))
		x.elem("LastModified", xmlTime(p.modified))
		x.elem("ETag", p.etag)
		x.number("Size", p.size)
		if p.sum.Value != "" {
			x.elem(p.sum.Algorithm.element(), p.sum.Value)
		}
		x.shut("Part")
	}
	x.shut("ListPartsResult")
	c.writeXML(http.StatusOK, x.Bytes())
	return nil
}

// partsOf copies the list, so that no lock is held while a slow client reads.
func (c *call) partsOf(u *upload) []*part {
	c.b.mu.RLock()
	defer c.b.mu.RUnlock()
	parts := make([]*part, 0, len(u.parts))
	for _, number := range u.numbers() {
		parts = append(parts, u.parts[number])
	}
	return parts
}

func (c *call) listUploads() error {
	n, err := pageSize(c.query.Get("max-uploads"))
	if err != nil {
		return err
	}
	write, encoding, err := c.spelling()
	if err != nil {
		return err
	}
	prefix, keyMarker, idMarker := c.query.Get("prefix"), c.query.Get("key-marker"), c.query.Get("upload-id-marker")
	open := slices.DeleteFunc(c.s.OpenUploads(c.bucket), func(u Upload) bool {
		past := u.Key > keyMarker || u.Key == keyMarker && idMarker != "" && u.UploadID > idMarker
		return !strings.HasPrefix(u.Key, prefix) || keyMarker != "" && !past
	})
	more := len(open) > n
	open = open[:min(n, len(open))]
	var x xmlDoc
	x.root("ListMultipartUploadsResult")
	x.elem("Bucket", c.bucket)
	x.elem("KeyMarker", write(keyMarker))
	x.elem("UploadIdMarker", idMarker)
	x.elem("Prefix", write(prefix))
	x.number("MaxUploads", int64(n))
	if encoding != "" {
		x.elem("EncodingType", encoding)
	}
	x.elem("IsTruncated", strconv.FormatBool(more))
	if more && len(open) > 0 && !c.flag(ListNoToken) {
		last := open[len(open)-1]
		if keyMarker != "" && c.flag(ListRepeatToken) {
			last.Key, last.UploadID = keyMarker, idMarker
		}
		x.elem("NextKeyMarker", write(last.Key))
		x.elem("NextUploadIdMarker", last.UploadID)
	}
	for _, u := range open {
		x.open("Upload")
		x.elem("Key", write(u.Key))
		x.elem("UploadId", u.UploadID)
		x.elem("Initiated", xmlTime(u.Initiated))
		x.elem("StorageClass", "STANDARD")
		x.shut("Upload")
	}
	x.shut("ListMultipartUploadsResult")
	c.writeXML(http.StatusOK, x.Bytes())
	return nil
}
