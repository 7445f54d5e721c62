package engine

import (
	"time"
)

// An Object is one row of a job: what to copy, and where to.
type Object struct {
	ID          uint64 // the row's sequence in the job file, from 1; never reused
	Source      string // a place as the list names it, e.g. s3://bucket/key or file:///dir/name
	Destination string // likewise, always whole: never a prefix
}

// A Pin is the one version of a source that a transfer reads. Every read of a
// transfer is conditional on it, so that bytes of two versions never mix.
type Pin struct {
	Size     int64  // bytes
	ETag     string // opaque and as given, quotes included; a local file's is made of device, inode and times
	Version  string // the store's version id, "" where it keeps none
	Checksum Checksum
	Metadata Metadata
	Local    bool // read without a network in between: the bytes read are the bytes kept
}

// Same reports whether p and q name the same bytes as far as the store can tell.
func (p Pin) Same(q Pin) bool {
	return p.Size == q.Size && p.ETag == q.ETag && p.ETag != ""
}

// Metadata is what travels with an object besides its bytes. Empty fields are
// not sent, so a destination applies its own defaults.
type Metadata struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string            // an HTTP date as the source sent it
	StorageClass       string            // S3's name, "" means the destination's default
	User               map[string]string // x-amz-meta-*, names in lower case
	Modified           time.Time         // of the source, zero when unknown
}

// Stored is what a destination says it holds once an object is whole.
type Stored struct {
	ETag     string
	Version  string
	Checksum Checksum // of all its bytes, as the destination computed it; zero when it told none
}
