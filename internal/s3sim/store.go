package s3sim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minio/crc64nvme"
)

// CreateBucket makes an empty bucket; one of that name is replaced.
func (s *Server) CreateBucket(name string, options ...BucketOption) {
	b := &bucket{
		name: name, region: s.cfg.Region,
		objects: map[string]*object{}, uploads: map[string]*upload{}, finished: map[string]*finished{},
	}
	for _, o := range options {
		o(b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name] = b
}

func (s *Server) bucket(name string) *bucket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.buckets[name]
}

// needBucket makes the bucket if a test forgot to.
func (s *Server) needBucket(name string) *bucket {
	if b := s.bucket(name); b != nil {
		return b
	}
	s.CreateBucket(name)
	return s.bucket(name)
}

// An ObjectOption sets one property of an object that a test stores.
type ObjectOption func(*object)

// WithHeader sets a content header such as Content-Type, or x-amz-meta-*.
func WithHeader(name, value string) ObjectOption {
	return func(o *object) { o.headers.Set(name, value) }
}

// WithoutChecksum stores no checksum, as for objects written before S3 made its own.
func WithoutChecksum() ObjectOption { return func(o *object) { o.sum = Checksum{} } }

// WithETag stores another ETag, given without quotes.
func WithETag(etag string) ObjectOption { return func(o *object) { o.etag = `"` + etag + `"` } }

// WithClass sets the storage class, for instance GLACIER.
func WithClass(class string) ObjectOption { return func(o *object) { o.class = class } }

// WithModified sets the Last-Modified time.
func WithModified(t time.Time) ObjectOption { return func(o *object) { o.modified = t } }

// PutObject stores data, which must not be changed afterwards, without a
// request. The bucket is made if need be.
func (s *Server) PutObject(bucket, key string, data []byte, options ...ObjectOption) {
	crc := crc64nvme.Checksum(data)
	o := &object{
		size: int64(len(data)), content: kept{data}, modified: s.now(), headers: http.Header{}, crc: crc,
		sum: Checksum{Algorithm: CRC64NVME, Value: crcString(crc), Type: FullObject},
	}
	if s.cfg.CheapETags {
		o.etag = cheapETag(crc, o.size)
	} else {
		o.etag = `"` + md5Hex(data) + `"`
	}
	s.store(bucket, key, o, options)
}

// PutSynthetic stores an object of size bytes that takes no memory. The bucket
// is made if need be. Its ETag is not an MD5 and does not look like one.
func (s *Server) PutSynthetic(bucket, key string, size int64, seed uint64, options ...ObjectOption) {
	o := &object{
		size: size, content: NewSynthetic(size, seed), modified: s.now(), headers: http.Header{},
		etag: cheapETag(mix(seed), size), sum: Checksum{Algorithm: CRC64NVME, Type: FullObject},
	}
	s.store(bucket, key, o, options)
}

// PutSyntheticMany stores n synthetic objects of size bytes each under
// SyntheticKey(prefix, 0…n-1), with the seeds seed, seed+1, ….
func (s *Server) PutSyntheticMany(bucket, prefix string, n int, size int64, seed uint64) {
	for i := range n {
		s.PutSynthetic(bucket, SyntheticKey(prefix, i), size, seed+uint64(i))
	}
}

// SyntheticKey is the key of the i-th object of PutSyntheticMany.
func SyntheticKey(prefix string, i int) string { return fmt.Sprintf("%s%08d", prefix, i) }

func (s *Server) store(bucket, key string, o *object, options []ObjectOption) {
	for _, option := range options {
		option(o)
	}
	_ = s.needBucket(bucket).put(key, o, writeCondition{}) // no condition, no error
}

// DeleteObject removes an object without a request.
func (s *Server) DeleteObject(bucket, key string) { s.needBucket(bucket).remove(key) }

// Object tells about a stored object. CRC of a synthetic object that was never
// asked for is computed now.
func (s *Server) Object(bucket, key string) (Object, bool) {
	b := s.bucket(bucket)
	if b == nil {
		return Object{}, false
	}
	o := b.get(key)
	if o == nil {
		return Object{}, false
	}
	return o.view(bucket, key), true
}

// Keys are the bucket's keys in byte order.
func (s *Server) Keys(bucket string) []string {
	b := s.bucket(bucket)
	if b == nil {
		return nil
	}
	return slices.Clone(b.keys())
}

// An Upload is a multipart upload that is neither completed nor aborted.
type Upload struct {
	Bucket    string    `json:"bucket"`
	Key       string    `json:"key"`
	UploadID  string    `json:"uploadId"`
	Initiated time.Time `json:"initiated"`
	Parts     []int     `json:"parts"` // part numbers it holds, in order
}

// OpenUploads are the bucket's uploads by key, then in order of creation.
func (s *Server) OpenUploads(bucket string) []Upload {
	b := s.bucket(bucket)
	if b == nil {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	open := make([]Upload, 0, len(b.uploads))
	for _, u := range b.uploads {
		open = append(open, Upload{Bucket: bucket, Key: u.key, UploadID: u.id, Initiated: u.initiated, Parts: u.numbers()})
	}
	slices.SortFunc(open, func(x, y Upload) int {
		if c := strings.Compare(x.Key, y.Key); c != 0 {
			return c
		}
		return strings.Compare(x.UploadID, y.UploadID)
	})
	return open
}

// AbortUpload removes an upload as a lifecycle rule would; it says whether there
// was one.
func (s *Server) AbortUpload(bucket, uploadID string) bool {
	b := s.bucket(bucket)
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.uploads[uploadID]
	delete(b.uploads, uploadID)
	return ok
}

func cheapETag(sum uint64, size int64) string {
	return fmt.Sprintf(`"%016x%08x"`, sum, uint32(mix(uint64(size))))
}
