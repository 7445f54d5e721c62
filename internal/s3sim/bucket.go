package s3sim

import (
	"slices"
	"sync"
)

// A BucketOption sets one property of a new bucket.
type BucketOption func(*bucket)

// InRegion puts the bucket elsewhere than Config.Region.
func InRegion(region string) BucketOption { return func(b *bucket) { b.region = region } }

// Public lets anybody read and list the bucket without signing.
func Public() BucketOption { return func(b *bucket) { b.public = true } }

// RequesterPays answers 403 unless x-amz-request-payer: requester is sent.
func RequesterPays() BucketOption { return func(b *bucket) { b.requesterPays = true } }

// bucket holds objects and uploads. mu guards everything below it; the rest is
// fixed when the bucket is made.
type bucket struct {
	name          string
	region        string
	public        bool
	requesterPays bool

	mu       sync.RWMutex
	objects  map[string]*object
	sorted   []string // all keys in order, nil when out of date
	uploads  map[string]*upload
	finished map[string]*finished // completed uploads by id
}

func (b *bucket) get(key string) *object {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.objects[key]
}

// put stores o if cond allows it.
func (b *bucket) put(key string, o *object, cond writeCondition) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.putLocked(key, o, cond)
}

func (b *bucket) putLocked(key string, o *object, cond writeCondition) error {
	old := b.objects[key]
	if err := cond.check(old); err != nil {
		return err
	}
	if old == nil {
		b.sorted = nil
	}
	b.objects[key] = o
	return nil
}

func (b *bucket) remove(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.objects[key] != nil {
		delete(b.objects, key)
		b.sorted = nil
	}
}

// keys are all keys in the order of their UTF-8 bytes. The slice is shared and
// must not be changed.
func (b *bucket) keys() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sorted == nil {
		b.sorted = make([]string, 0, len(b.objects))
		for k := range b.objects {
			b.sorted = append(b.sorted, k)
		}
		slices.Sort(b.sorted)
	}
	return b.sorted
}

// writeCondition is If-Match and If-None-Match of a write.
type writeCondition struct{ match, noneMatch string }

func (w writeCondition) check(old *object) error {
	switch {
	case w.noneMatch != "" && old != nil:
		return preconditionFailed("If-None-Match")
	case w.match != "" && old == nil:
		return noSuchKey()
	case w.match != "" && !etagMatches(w.match, old.etag):
		return preconditionFailed("If-Match")
	}
	return nil
}
