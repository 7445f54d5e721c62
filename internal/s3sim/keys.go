package s3sim

import (
	"slices"
	"sync"
	"time"
)

// A Key is one identity that may sign requests.
type Key struct {
	ID      string    `json:"accessKeyId"`
	Secret  string    `json:"secretAccessKey"`
	Token   string    `json:"sessionToken,omitempty"` // must be sent if not empty
	Expires time.Time `json:"expires,omitzero"`       // zero is never
	Buckets []string  `json:"buckets,omitempty"`      // those it may use; empty is all
}

// String names the key without its secrets.
func (k Key) String() string { return "key " + k.ID }

// GoString is String: a %#v must not tell more than a %v.
func (k Key) GoString() string { return k.String() }

func (k Key) mayUse(bucket string) bool {
	return bucket == "" || len(k.Buckets) == 0 || slices.Contains(k.Buckets, bucket)
}

// keyRing holds the keys a Server knows, revoked ones too, so that they are told
// from keys that never were.
type keyRing struct {
	mu      sync.RWMutex
	keys    map[string]Key
	signing map[string][]byte // derived signing keys by key id and scope
}

func newKeyRing() *keyRing {
	return &keyRing{keys: map[string]Key{}, signing: map[string][]byte{}}
}

func (r *keyRing) get(id string) (Key, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k, ok := r.keys[id]
	return k, ok
}

// signingKey derives, or remembers, the key for one day, region and service.
func (r *keyRing) signingKey(k Key, scope scope) []byte {
	name := k.ID + "/" + scope.String()
	r.mu.RLock()
	derived := r.signing[name]
	r.mu.RUnlock()
	if derived != nil {
		return derived
	}
	derived = deriveKey(k.Secret, scope)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signing[name] = derived
	return derived
}

// AddKey lets a key sign requests; one of the same id is replaced.
func (s *Server) AddKey(k Key) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	s.keys.keys[k.ID] = k
	clear(s.keys.signing)
}

// ExpireKey makes a key expire at this moment. Unknown ids are ignored.
func (s *Server) ExpireKey(id string) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if k, ok := s.keys.keys[id]; ok {
		k.Expires = time.Now()
		s.keys.keys[id] = k
	}
}

// RevokeKey forgets a key: what it signs is 403 InvalidAccessKeyId from then on.
func (s *Server) RevokeKey(id string) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	delete(s.keys.keys, id)
}
