package manifest

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// The buckets of a job file. doc.go says what each holds.
var (
	bucketJob     = []byte("xfer")
	bucketRows    = []byte("rows")
	bucketState   = []byte("state")
	bucketDone    = []byte("done")
	bucketFailed  = []byte("failed")
	bucketUploads = []byte("uploads")
	bucketParts   = []byte("parts")
	bucketLost    = []byte("lost")
	bucketIndex   = []byte("index")

	allBuckets = [][]byte{
		bucketJob, bucketRows, bucketState, bucketDone, bucketFailed,
		bucketUploads, bucketParts, bucketLost, bucketIndex,
	}
)

// The keys of bucket xfer.
var (
	keyFormat = []byte("format")
	keyHeader = []byte("header")
	keySums   = []byte("sums")
)

// What the value of keyFormat consists of, besides a CRC32C over it all.
const (
	magic         = "xferjob\n"
	formatVersion = 1 // what this package writes, and the newest it reads
)

// header is what a job file says of its job.
type header struct {
	ID          string            `cbor:"1,keyasint"` // random
	List        string            `cbor:"2,keyasint"` // absolute path, or the name of a stream
	Stream      bool              `cbor:"3,keyasint,omitempty"`
	Destination string            `cbor:"4,keyasint"`
	Rules       string            `cbor:"5,keyasint,omitempty"`
	Seen        listSeen          `cbor:"6,keyasint"`
	Created     int64             `cbor:"7,keyasint"` // unix seconds
	Settings    map[string]string `cbor:"8,keyasint,omitempty"`
}

// listSeen is the list file as it was when it was loaded.
type listSeen struct {
	_        struct{} `cbor:",toarray"`
	Hash     []byte   // SHA-256 of its bytes
	Size     int64
	Modified int64  // unix nanoseconds; 0 when the time cannot be relied on
	Inode    uint64 // of the file
}

// Info is what a job file says of its job.
type Info struct {
	ID          string // random, made with the file
	List        string // absolute path of the list, or the name of a stream
	Stream      bool   // the rows came from a pipe or a listing
	Whole       bool   // the list has been read to its end
	Destination string // of rows without their own
	Created     time.Time
	Settings    map[string]string // flags to go on with; never secrets
}

// Info gives what the file says of the job.
func (j *Job) Info() Info {
	h := j.header
	return Info{
		ID: h.ID, List: h.List, Stream: h.Stream, Whole: j.sums.Load().Whole, Destination: h.Destination,
		Created: time.Unix(h.Created, 0), Settings: h.Settings,
	}
}

func writeFormat(b *bbolt.Bucket) error {
	value := binary.BigEndian.AppendUint32([]byte(magic), formatVersion)
	return b.Put(keyFormat, binary.BigEndian.AppendUint32(value, checksum(keyFormat, value)))
}

// checkFormat tells a job file this package can read from all others.
func checkFormat(tx *bbolt.Tx) error {
	b := tx.Bucket(bucketJob)
	if b == nil {
		return fmt.Errorf("%w: it is another program's database", ErrForeign)
	}
	value := b.Get(keyFormat)
	if len(value) < len(magic) || string(value[:len(magic)]) != magic {
		return fmt.Errorf("%w: it is another program's database", ErrForeign)
	}
	if len(value) != len(magic)+8 {
		return fmt.Errorf("%w: format record of %d bytes", ErrCorrupt, len(value))
	}
	body, sum := value[:len(magic)+4], value[len(magic)+4:]
	if checksum(keyFormat, body) != binary.BigEndian.Uint32(sum) {
		return fmt.Errorf("%w: checksum of the format record does not match", ErrCorrupt)
	}
	if v := binary.BigEndian.Uint32(body[len(magic):]); v > formatVersion {
		return fmt.Errorf("%w: written by a newer xfer (format %d, this one reads %d)", ErrVersion, v, formatVersion)
	}
	for _, name := range allBuckets {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: bucket %s is missing", ErrCorrupt, name)
		}
	}
	return nil
}

func readHeader(tx *bbolt.Tx) (h header, s sums, err error) {
	b := tx.Bucket(bucketJob)
	if err = unseal(keyHeader, b.Get(keyHeader), &h); err != nil {
		return h, s, fmt.Errorf("read header: %w", err)
	}
	if err = unseal(keySums, b.Get(keySums), &s); err != nil {
		return h, s, fmt.Errorf("read totals: %w", err)
	}
	return h, s, nil
}

func writeRecord(b *bbolt.Bucket, key []byte, v any) error {
	value, err := seal(key, v)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}
