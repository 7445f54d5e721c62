package manifest

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// rowsPerBlock is how many rows one record holds. Rows of one block repeat
// little of each other, which makes the file several times smaller and loading
// several times faster than a record a row.
const rowsPerBlock = 64

// blockRecord is the value of bucket rows: up to rowsPerBlock rows in the order
// of their IDs.
type blockRecord struct {
	_    struct{} `cbor:",toarray"`
	Rows []rowRecord
}

// rowRecord is a row, told by what differs from the row before it.
type rowRecord struct {
	_    struct{} `cbor:",toarray"`
	Line int64    // less the line of the row before
	Keep int      // bytes at the beginning of the source that the row before has too
	Tail string   // the rest of the source
	Same int      // bytes at the end of the destination that end the source too
	Head *string  // the destination before those; nil if the row before has the same
}

// encodeBlock makes the record of rows.
func encodeBlock(rows []place) blockRecord {
	record := blockRecord{Rows: make([]rowRecord, len(rows))}
	heads := make([]string, len(rows))
	var last place
	var lastHead string
	for i, row := range rows {
		r := &record.Rows[i]
		r.Line = row.line - last.line
		r.Keep = sharedPrefix(row.source, last.source)
		r.Tail = row.source[r.Keep:]
		r.Same = sharedSuffix(row.source, row.destination)
		heads[i] = row.destination[:len(row.destination)-r.Same]
		if i == 0 || heads[i] != lastHead {
			r.Head = &heads[i]
		}
		last, lastHead = row, heads[i]
	}
	return record
}

// decodeBlock reads what encodeBlock made.
func decodeBlock(record blockRecord) ([]place, error) {
	if len(record.Rows) == 0 || len(record.Rows) > rowsPerBlock {
		return nil, fmt.Errorf("%w: block of %d rows", ErrCorrupt, len(record.Rows))
	}
	rows := make([]place, len(record.Rows))
	var last place
	var head string
	for i, r := range record.Rows {
		if r.Head != nil {
			head = *r.Head
		}
		if r.Keep < 0 || r.Keep > len(last.source) {
			return nil, fmt.Errorf("%w: row keeps %d bytes of %d", ErrCorrupt, r.Keep, len(last.source))
		}
		source := last.source[:r.Keep] + r.Tail
		if r.Same < 0 || r.Same > len(source) {
			return nil, fmt.Errorf("%w: row shares %d bytes of %d", ErrCorrupt, r.Same, len(source))
		}
		rows[i] = place{last.line + r.Line, source, head + source[len(source)-r.Same:]}
		last = rows[i]
	}
	return rows, nil
}

func sharedPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func sharedSuffix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// A rowReader looks up rows and remembers the last block, so that going through
// them in order decodes each block once. It lives as long as its transaction.
type rowReader struct {
	rows  *bbolt.Bucket
	block uint64
	held  []place // of block; nil when none is held
}

func newRowReader(tx *bbolt.Tx) *rowReader { return &rowReader{rows: tx.Bucket(bucketRows)} }

// row gives the row with this ID.
func (r *rowReader) row(id uint64) (place, error) {
	if id == 0 {
		return place{}, fmt.Errorf("%w: no row 0", ErrCorrupt)
	}
	block, at := (id-1)/rowsPerBlock, int((id-1)%rowsPerBlock)
	if r.held == nil || r.block != block {
		held, err := readBlock(r.rows, block)
		if err != nil {
			return place{}, fmt.Errorf("read row %d: %w", id, err)
		}
		r.block, r.held = block, held
	}
	if at >= len(r.held) {
		return place{}, fmt.Errorf("read row %d: %w: it is not there", id, ErrCorrupt)
	}
	return r.held[at], nil
}

// readBlock gives the rows of a block, none for one that does not exist.
func readBlock(rows *bbolt.Bucket, block uint64) ([]place, error) {
	key := numberKey(block)
	value := rows.Get(key)
	if value == nil {
		return []place{}, nil
	}
	var record blockRecord
	if err := unseal(key, value, &record); err != nil {
		return nil, err
	}
	return decodeBlock(record)
}

func writeBlock(rows *bbolt.Bucket, block uint64, held []place) error {
	key := numberKey(block)
	value, err := seal(key, encodeBlock(held))
	if err != nil {
		return err
	}
	return rows.Put(key, value)
}
