package manifest

import (
	"time"

	"xfer/engine"
)

// stamp is a point in time: seconds and nanoseconds of the Unix epoch.
type stamp struct {
	_       struct{} `cbor:",toarray"`
	Seconds int64
	Nanos   int32
}

func newStamp(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	return &stamp{Seconds: t.Unix(), Nanos: int32(t.Nanosecond())}
}

func (s *stamp) time() time.Time {
	if s == nil {
		return time.Time{}
	}
	return time.Unix(s.Seconds, int64(s.Nanos)).UTC()
}

// sumRecord is an engine.Checksum.
type sumRecord struct {
	_         struct{} `cbor:",toarray"`
	Algorithm string
	Sum       []byte
}

func newSum(c engine.Checksum) *sumRecord {
	if c.IsZero() {
		return nil
	}
	return &sumRecord{Algorithm: string(c.Algorithm), Sum: []byte(c.Sum)}
}

func (s *sumRecord) checksum() engine.Checksum {
	if s == nil {
		return engine.Checksum{}
	}
	return engine.Checksum{Algorithm: engine.Algorithm(s.Algorithm), Sum: string(s.Sum)}
}

// pinRecord is an engine.Pin.
type pinRecord struct {
	Size               int64             `cbor:"1,keyasint"`
	ETag               string            `cbor:"2,keyasint,omitempty"`
	Version            string            `cbor:"3,keyasint,omitempty"`
	Sum                *sumRecord        `cbor:"4,keyasint,omitempty"`
	Local              bool              `cbor:"5,keyasint,omitempty"`
	Modified           *stamp            `cbor:"6,keyasint,omitempty"`
	ContentType        string            `cbor:"7,keyasint,omitempty"`
	CacheControl       string            `cbor:"8,keyasint,omitempty"`
	ContentDisposition string            `cbor:"9,keyasint,omitempty"`
	ContentEncoding    string            `cbor:"10,keyasint,omitempty"`
	ContentLanguage    string            `cbor:"11,keyasint,omitempty"`
	Expires            string            `cbor:"12,keyasint,omitempty"`
	StorageClass       string            `cbor:"13,keyasint,omitempty"`
	User               map[string]string `cbor:"14,keyasint,omitempty"`
}

func newPin(p engine.Pin) pinRecord {
	m := p.Metadata
	return pinRecord{
		Size: p.Size, ETag: p.ETag, Version: p.Version, Sum: newSum(p.Checksum), Local: p.Local,
		Modified: newStamp(m.Modified), ContentType: m.ContentType, CacheControl: m.CacheControl,
		ContentDisposition: m.ContentDisposition, ContentEncoding: m.ContentEncoding,
		ContentLanguage: m.ContentLanguage, Expires: m.Expires, StorageClass: m.StorageClass, User: m.User,
	}
}

func (r pinRecord) pin() engine.Pin {
	return engine.Pin{
		Size: r.Size, ETag: r.ETag, Version: r.Version, Checksum: r.Sum.checksum(), Local: r.Local,
		Metadata: engine.Metadata{
			ContentType: r.ContentType, CacheControl: r.CacheControl, ContentDisposition: r.ContentDisposition,
			ContentEncoding: r.ContentEncoding, ContentLanguage: r.ContentLanguage, Expires: r.Expires,
			StorageClass: r.StorageClass, User: r.User, Modified: r.Modified.time(),
		},
	}
}

// uploadRecord is the value of bucket uploads: an upload intended or begun.
type uploadRecord struct {
	Pin        pinRecord `cbor:"1,keyasint"`
	Upload     string    `cbor:"2,keyasint,omitempty"` // the destination's ID; "" while only intended
	PartSize   int64     `cbor:"3,keyasint"`
	Intended   *stamp    `cbor:"4,keyasint,omitempty"`
	Completing bool      `cbor:"5,keyasint,omitempty"` // Complete was, or was about to be, sent
}

// lostRecord is the value of bucket lost: an upload of a row that is not in the
// list any more.
type lostRecord struct {
	Source      string       `cbor:"1,keyasint"`
	Destination string       `cbor:"2,keyasint"`
	Upload      uploadRecord `cbor:"3,keyasint"`
}

// partRecord is the value of bucket parts: a part that has arrived.
type partRecord struct {
	_    struct{} `cbor:",toarray"`
	Size int64
	ETag string
	CRC  uint64
	Also uint32
}

// doneRecord is the value of bucket done: how a row was last copied or skipped.
type doneRecord struct {
	Pass          uint32     `cbor:"1,keyasint"`
	Status        int        `cbor:"2,keyasint,omitempty"` // engine.Copied or engine.Skipped
	At            int64      `cbor:"3,keyasint"`           // unix seconds
	Size          int64      `cbor:"4,keyasint,omitempty"` // of the source, and so on
	ETag          string     `cbor:"5,keyasint,omitempty"`
	Version       string     `cbor:"6,keyasint,omitempty"`
	StoredETag    string     `cbor:"7,keyasint,omitempty"` // of the destination, and so on
	StoredVersion string     `cbor:"8,keyasint,omitempty"`
	StoredSum     *sumRecord `cbor:"9,keyasint,omitempty"`
	Sum           *sumRecord `cbor:"10,keyasint,omitempty"` // of all bytes sent
	Proof         int        `cbor:"11,keyasint,omitempty"`
}

// last is the version that was copied, as Pending.Last gives it.
func (d doneRecord) last() engine.Pin { return engine.Pin{Size: d.Size, ETag: d.ETag} }

// failedRecord is the value of bucket failed: why a row failed in this pass.
type failedRecord struct {
	_      struct{} `cbor:",toarray"`
	At     int64    // unix seconds
	Reason string
}
