package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"go.etcd.io/bbolt"
)

const (
	// indexRun is how many rows are held in memory before they become a sorted
	// run, and what a run's filter is made for.
	indexRun = 1 << 17

	// chunkPairs is how many pairs one record of a run holds.
	chunkPairs = 120

	// filterBlocks is how many 512-bit blocks a run's filter has: 16 bits a row.
	filterBlocks = indexRun * 16 / 512
)

// An index finds the rows of a stream by their destination. The latest rows are
// in memory, all others in sorted runs in the file; of a run only a filter and
// the first hash of each record are in memory, 2 bytes a row. A B+tree keyed by
// hash would do as well, at the price of rewriting a page for every row.
type index struct {
	recent map[uint64]uint64 // hash to ID
	clash  []pair            // recent rows whose hash was taken by another
	limit  int               // of recent rows
	runs   []run
}

// A run is what memory holds of a sorted run.
type run struct {
	firsts []uint64 // the first hash of each record
	filter []uint64
}

// chunkRecord is the value of bucket index: pairs of hash and ID, 8 bytes big
// endian each, in order.
type chunkRecord struct {
	_     struct{} `cbor:",toarray"`
	Pairs []byte
}

// hashOf is a hash that does not change from run to run of the program.
func hashOf(destination string) uint64 {
	sum := sha256.Sum256([]byte(destination))
	return binary.BigEndian.Uint64(sum[:])
}

// openIndex reads what memory holds of the index of a file.
func openIndex(tx *bbolt.Tx, s *sums, limit int) (*index, error) {
	x := &index{recent: make(map[uint64]uint64), limit: limit}
	c := tx.Bucket(bucketIndex).Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		number := keyNumber(key) >> 32
		if len(key) != 8 || number >= uint64(s.Runs) || number > uint64(len(x.runs)) {
			return nil, fmt.Errorf("read index: %w: unknown run", ErrCorrupt)
		}
		if number == uint64(len(x.runs)) {
			x.runs = append(x.runs, run{})
		}
		pairs, err := readChunk(key, value)
		if err != nil {
			return nil, err
		}
		x.runs[number].take(pairs)
	}
	if len(x.runs) != int(s.Runs) {
		return nil, fmt.Errorf("read index: %w: %d of %d runs", ErrCorrupt, len(x.runs), s.Runs)
	}
	rows, states := newRowReader(tx), stateReader{tx: tx, pass: s.Pass}
	for id := s.Indexed + 1; id <= s.Last; id++ {
		if gone, err := states.gone(id); err != nil {
			return nil, err
		} else if gone {
			continue
		}
		row, err := rows.row(id)
		if err != nil {
			return nil, err
		}
		x.add(pair{hashOf(row.destination), id})
	}
	return x, nil
}

func readChunk(key, value []byte) ([]pair, error) {
	var record chunkRecord
	if err := unseal(key, value, &record); err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	if len(record.Pairs) == 0 || len(record.Pairs)%pairSize != 0 {
		return nil, fmt.Errorf("read index: %w: record of %d bytes", ErrCorrupt, len(record.Pairs))
	}
	pairs := make([]pair, len(record.Pairs)/pairSize)
	for i := range pairs {
		b := record.Pairs[i*pairSize:]
		pairs[i] = pair{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
	}
	return pairs, nil
}

// take adds the pairs of the run's next record.
func (r *run) take(pairs []pair) {
	if r.filter == nil {
		r.filter = make([]uint64, filterBlocks*8)
	}
	r.firsts = append(r.firsts, pairs[0].key)
	for _, p := range pairs {
		block := p.key >> 48 % filterBlocks * 8
		for probe := range 5 {
			bit := p.key >> (9 * probe) & 511
			r.filter[block+bit/64] |= 1 << (bit % 64)
		}
	}
}

// mayHold is false if no row of the run has this hash.
func (r *run) mayHold(hash uint64) bool {
	if r.filter == nil {
		return false
	}
	block := hash >> 48 % filterBlocks * 8
	for probe := range 5 {
		bit := hash >> (9 * probe) & 511
		if r.filter[block+bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// add takes a row that was added last.
func (x *index) add(p pair) {
	if _, taken := x.recent[p.key]; taken {
		x.clash = append(x.clash, p)
		return
	}
	x.recent[p.key] = p.id
}

// full reports whether it is time to spill.
func (x *index) full() bool { return len(x.recent)+len(x.clash) >= x.limit }

// find gives the IDs of all rows whose destination has this hash, in no order.
func (x *index) find(tx *bbolt.Tx, hash uint64) (ids []uint64, err error) {
	if id, ok := x.recent[hash]; ok {
		ids = append(ids, id)
		for _, p := range x.clash {
			if p.key == hash {
				ids = append(ids, p.id)
			}
		}
	}
	for number := range x.runs {
		r := &x.runs[number]
		if !r.mayHold(hash) {
			continue
		}
		// Pairs of one hash may begin at the end of the record before.
		from := max(0, sort.Search(len(r.firsts), func(i int) bool { return r.firsts[i] >= hash })-1)
		for chunk := from; chunk < len(r.firsts) && r.firsts[chunk] <= hash; chunk++ {
			key := chunkKey(number, chunk)
			pairs, err := readChunk(key, tx.Bucket(bucketIndex).Get(key))
			if err != nil {
				return nil, err
			}
			for _, p := range pairs {
				if p.key == hash {
					ids = append(ids, p.id)
				}
			}
		}
	}
	return ids, nil
}

func chunkKey(run, chunk int) []byte { return numberKey(uint64(run)<<32 | uint64(chunk)) }

// A spilled run is on its way into the file.
type spilled struct {
	run        run
	keys, data [][]byte
}

// spill makes a run of the rows in memory. They stay there until forget, when
// the run is committed.
func (x *index) spill() (*spilled, error) {
	pairs := slices.Clone(x.clash)
	for hash, id := range x.recent {
		pairs = append(pairs, pair{hash, id})
	}
	slices.SortFunc(pairs, comparePairs)
	s := new(spilled)
	for chunk := range slices.Chunk(pairs, chunkPairs) {
		s.run.take(chunk)
		packed := make([]byte, 0, len(chunk)*pairSize)
		for _, p := range chunk {
			packed = binary.BigEndian.AppendUint64(packed, p.key)
			packed = binary.BigEndian.AppendUint64(packed, p.id)
		}
		key := chunkKey(len(x.runs), len(s.keys))
		value, err := seal(key, chunkRecord{Pairs: packed})
		if err != nil {
			return nil, err
		}
		s.keys, s.data = append(s.keys, key), append(s.data, value)
	}
	return s, nil
}

// write puts a run, and the fact that rows up to last are indexed, into a commit.
func (s *spilled) write(w *writer, last uint64) error {
	b := w.tx.Bucket(bucketIndex)
	b.FillPercent = fill
	for i, key := range s.keys {
		if err := b.Put(key, s.data[i]); err != nil {
			return err
		}
	}
	w.sums.Runs++
	w.sums.Indexed = last
	return nil
}

// forget drops from memory what a committed run holds.
func (x *index) forget(s *spilled) {
	x.runs = append(x.runs, s.run)
	clear(x.recent)
	x.clash = nil
}
