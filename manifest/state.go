package manifest

import (
	"fmt"
	"math/bits"

	"go.etcd.io/bbolt"
)

// rowsPerState is how many rows one state record covers. Ten million rows are
// ten thousand records, which a resuming run reads in milliseconds.
const rowsPerState = 1024

// stateRecord is the value of bucket state: a bit per row, in the order of the
// IDs, the lowest bit of a byte first. A row without a record is pending.
type stateRecord struct {
	_       struct{} `cbor:",toarray"`
	Pass    uint32   // that Settled belongs to; in any other pass none is settled
	Settled []byte   // rows that have ended in this pass
	Gone    []byte   // rows that are no longer in the list, in any pass
}

// A state is a stateRecord in memory, valid for one pass.
type state struct {
	settled, gone [rowsPerState / 8]byte
}

// stateAt tells where the bit of a row is.
func stateAt(id uint64) (block uint64, bit int) {
	return (id - 1) / rowsPerState, int((id - 1) % rowsPerState)
}

func isSet(b []byte, bit int) bool { return b[bit/8]&(1<<(bit%8)) != 0 }
func set(b []byte, bit int)        { b[bit/8] |= 1 << (bit % 8) }
func clear1(b []byte, bit int)     { b[bit/8] &^= 1 << (bit % 8) }

// next gives the first bit from bit on of a row that is pending, rowsPerState if none is.
func (s *state) next(bit int) int {
	for bit < rowsPerState {
		open := ^(s.settled[bit/8] | s.gone[bit/8]) >> (bit % 8)
		if open != 0 {
			return bit + bits.TrailingZeros8(open)
		}
		bit = bit/8*8 + 8
	}
	return rowsPerState
}

// readState gives the state of a block as it stands in pass.
func readState(states *bbolt.Bucket, block uint64, pass uint32) (*state, error) {
	s := new(state)
	key := numberKey(block)
	value := states.Get(key)
	if value == nil {
		return s, nil
	}
	var record stateRecord
	if err := unseal(key, value, &record); err != nil {
		return nil, fmt.Errorf("read state of rows from %d: %w", block*rowsPerState+1, err)
	}
	if len(record.Settled) != len(s.settled) || len(record.Gone) != len(s.gone) {
		return nil, fmt.Errorf("read state of rows from %d: %w: wrong length", block*rowsPerState+1, ErrCorrupt)
	}
	if record.Pass == pass {
		copy(s.settled[:], record.Settled)
	}
	copy(s.gone[:], record.Gone)
	return s, nil
}

func writeState(states *bbolt.Bucket, block uint64, pass uint32, s *state) error {
	key := numberKey(block)
	value, err := seal(key, stateRecord{Pass: pass, Settled: s.settled[:], Gone: s.gone[:]})
	if err != nil {
		return err
	}
	return states.Put(key, value)
}

// A stateReader looks up the states of rows and remembers the last record. It
// lives as long as its transaction.
type stateReader struct {
	tx    *bbolt.Tx
	pass  uint32
	block uint64
	held  *state // of block; nil when none is held
}

// settled reports whether a row has ended in this pass.
func (r *stateReader) settled(id uint64) (bool, error) {
	bit, err := r.find(id)
	return err == nil && isSet(r.held.settled[:], bit), err
}

// gone reports whether a row is no longer in the list.
func (r *stateReader) gone(id uint64) (bool, error) {
	bit, err := r.find(id)
	return err == nil && isSet(r.held.gone[:], bit), err
}

// find holds the record of a row and tells its bit.
func (r *stateReader) find(id uint64) (int, error) {
	if id == 0 {
		return 0, fmt.Errorf("%w: no row 0", ErrCorrupt)
	}
	block, bit := stateAt(id)
	if r.held == nil || r.block != block {
		held, err := readState(r.tx.Bucket(bucketState), block, r.pass)
		if err != nil {
			return 0, err
		}
		r.block, r.held = block, held
	}
	return bit, nil
}
