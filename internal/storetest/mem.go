package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/minio/crc64nvme"

	"xfer/engine"
)

// A Mem is a store in memory. Its zero value is an empty one with the limits of
// S3. Any string is a place. Safe for concurrent use once its exported fields are
// set.
type Mem struct {
	// MinPart is the smallest size in bytes of a part that is not the last; 0
	// means the 5 MiB of S3 (S3 user guide, "multipart upload limits").
	MinPart int64

	// Replays makes a second Complete of the same upload answer as the first did,
	// as S3 does. Without it such an upload is gone, as on MinIO.
	Replays bool

	// Hook, if not nil, decides the Fault of each call. It may run on several
	// goroutines at once.
	Hook func(Call) Fault

	mu       sync.Mutex
	objects  map[string]object
	uploads  map[string]*upload
	done     map[string]engine.Stored // of completed uploads, for Replays
	counts   map[Op]int
	total    int
	fired    int
	serial   int // makes ETags and upload IDs unique
	arrivals []Arrival
}

// An Arrival is one body that a Mem accepted whole.
type Arrival struct {
	At       string
	UploadID string // "" for a Put
	Number   int32  // 0 for a Put
	Size     int64  // bytes
	CRC      uint64 // CRC64NVME of them
}

type object struct {
	data []byte // never changed in place, so readers need no lock
	pin  engine.Pin
}

// Set puts an object at a place, as if someone else had. sum is the checksum that
// the store keeps of it, zero for none.
func (m *Mem) Set(at string, data []byte, sum engine.Checksum, meta engine.Metadata) engine.Pin {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set(at, bytes.Clone(data), sum, meta)
}

// Keep is Set with the CRC64NVME of data and no metadata.
func (m *Mem) Keep(at string, data []byte) engine.Pin {
	return m.Set(at, data, engine.NewCRC64NVME(crc64nvme.Checksum(data)), engine.Metadata{})
}

// Remove takes an object away, as if someone else had.
func (m *Mem) Remove(at string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, at)
}

// Get gives the bytes of the object at a place and its pin, or false.
func (m *Mem) Get(at string) ([]byte, engine.Pin, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[at]
	return bytes.Clone(o.data), o.pin, ok
}

// Places lists where objects are, sorted.
func (m *Mem) Places() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var places []string
	for at := range m.objects {
		places = append(places, at)
	}
	slices.Sort(places)
	return places
}

// OpenUploads lists the IDs of the uploads that were neither completed nor
// aborted, sorted.
func (m *Mem) OpenUploads() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id := range m.uploads {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Lose forgets an upload, as a lifecycle rule would.
func (m *Mem) Lose(uploadID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.uploads, uploadID)
}

// Count is how often op was called, with or without a fault.
func (m *Mem) Count(op Op) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[op]
}

// Fired is how many calls had a fault.
func (m *Mem) Fired() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fired
}

// Arrivals lists the bodies accepted, in order.
func (m *Mem) Arrivals() []Arrival {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.arrivals)
}

// call counts a call and asks the hook about it.
func (m *Mem) call(op Op, at string, number int32) Fault {
	m.mu.Lock()
	if m.counts == nil {
		m.counts = make(map[Op]int)
	}
	m.counts[op]++
	m.total++
	c := Call{Op: op, At: at, Number: number, Nth: m.counts[op], Total: m.total}
	m.mu.Unlock()

	if m.Hook == nil {
		return Fault{}
	}
	f := m.Hook(c)
	if !f.none() {
		m.mu.Lock()
		m.fired++
		m.mu.Unlock()
	}
	return f
}

// set stores an object under a new ETag; m.mu is held and data is ours.
func (m *Mem) set(at string, data []byte, sum engine.Checksum, meta engine.Metadata) engine.Pin {
	if m.objects == nil {
		m.objects = make(map[string]object)
	}
	if meta.Modified.IsZero() {
		meta.Modified = time.Now()
	}
	pin := engine.Pin{Size: int64(len(data)), ETag: m.tag(data), Checksum: sum, Metadata: meta}
	m.objects[at] = object{data: data, pin: pin}
	return pin
}

// tag makes an ETag that no other bytes and no earlier write have; m.mu is held.
func (m *Mem) tag(data []byte) string {
	m.serial++
	return fmt.Sprintf(`"%016x-%d"`, crc64nvme.Checksum(data), m.serial)
}
