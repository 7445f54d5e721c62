package manifest

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// A writer is the job file inside one commit. It gathers what many rows share,
// states, sums and the last block of rows, and writes each once. It belongs to
// whoever runs the transaction and ends with it.
type writer struct {
	tx     *bbolt.Tx
	sums   *sums
	note   func(string)
	states map[uint64]*state // changed or about to be
	tail   []place           // the last block of rows, nil until a row is added
	added  bool
}

func newWriter(tx *bbolt.Tx, s *sums, note func(string)) *writer {
	return &writer{tx: tx, sums: s, note: note, states: make(map[uint64]*state)}
}

// flush puts what was gathered into the transaction.
func (w *writer) flush() error {
	states := w.tx.Bucket(bucketState)
	for block, s := range w.states {
		if err := writeState(states, block, w.sums.Pass, s); err != nil {
			return err
		}
	}
	if w.added {
		if err := w.flushTail(); err != nil {
			return err
		}
	}
	return writeRecord(w.tx.Bucket(bucketJob), keySums, w.sums)
}

// state gives the state that the row's bit is in.
func (w *writer) state(id uint64) (*state, int, error) {
	if id == 0 || id > w.sums.Last {
		return nil, 0, fmt.Errorf("no row %d", id)
	}
	block, bit := stateAt(id)
	s := w.states[block]
	if s == nil {
		var err error
		if s, err = readState(w.tx.Bucket(bucketState), block, w.sums.Pass); err != nil {
			return nil, 0, err
		}
		w.states[block] = s
	}
	return s, bit, nil
}

// add appends a row and returns its ID.
func (w *writer) add(row place) (uint64, error) {
	if w.tail == nil {
		w.tail = make([]place, 0, rowsPerBlock)
		if w.sums.Last%rowsPerBlock != 0 {
			held, err := readBlock(w.tx.Bucket(bucketRows), w.sums.Last/rowsPerBlock)
			if err != nil {
				return 0, err
			}
			if len(held) != int(w.sums.Last%rowsPerBlock) {
				return 0, fmt.Errorf("%w: last block has %d rows", ErrCorrupt, len(held))
			}
			w.tail = append(w.tail, held...)
		}
	}
	w.tail = append(w.tail, row)
	w.added = true
	w.sums.Last++
	w.sums.Rows++
	if len(w.tail) == rowsPerBlock {
		if err := w.flushTail(); err != nil {
			return 0, err
		}
		w.tail, w.added = w.tail[:0], false
	}
	return w.sums.Last, nil
}

func (w *writer) flushTail() error {
	return writeBlock(w.tx.Bucket(bucketRows), (w.sums.Last-1)/rowsPerBlock, w.tail)
}

// unsettle takes back how a row ended in this pass, if it did, from the sums.
func (w *writer) unsettle(id uint64) error {
	s, bit, err := w.state(id)
	if err != nil || !isSet(s.settled[:], bit) {
		return err
	}
	clear1(s.settled[:], bit)
	key := numberKey(id)
	if w.tx.Bucket(bucketFailed).Get(key) != nil {
		w.sums.Failed--
		return w.tx.Bucket(bucketFailed).Delete(key)
	}
	var done doneRecord
	if err := unseal(key, w.tx.Bucket(bucketDone).Get(key), &done); err != nil {
		return fmt.Errorf("read outcome of row %d: %w", id, err)
	}
	if engine.Status(done.Status) == engine.Skipped {
		w.sums.Skipped--
		return nil
	}
	w.sums.Copied--
	w.sums.Bytes -= done.Size
	return nil
}

// dropUpload forgets an upload and its parts.
func (w *writer) dropUpload(id uint64) error {
	if err := w.dropParts(id); err != nil {
		return err
	}
	return w.tx.Bucket(bucketUploads).Delete(numberKey(id))
}

func (w *writer) dropParts(id uint64) error {
	parts := w.tx.Bucket(bucketParts)
	var keys [][]byte
	c := parts.Cursor()
	for key, value := c.Seek(numberKey(id)); key != nil && keyNumber(key) == id; key, value = c.Next() {
		keys = append(keys, bytes.Clone(key))
		w.sums.Recorded -= partSize(key, value)
	}
	for _, key := range keys {
		if err := parts.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// partSize is what a part counts in sums.Recorded; nothing for a damaged record.
func partSize(key, value []byte) int64 {
	var part partRecord
	if value == nil || unseal(key, value, &part) != nil {
		return 0
	}
	return part.Size
}

// upload reads the upload of a row, nil if there is none. One whose record is
// damaged is treated as never begun, and noted, as it may be open.
func (w *writer) upload(id uint64) (*uploadRecord, error) {
	return readUpload(w.tx, id, w.note)
}

func readUpload(tx *bbolt.Tx, id uint64, note func(string)) (*uploadRecord, error) {
	key := numberKey(id)
	value := tx.Bucket(bucketUploads).Get(key)
	if value == nil {
		return nil, nil
	}
	var u uploadRecord
	if err := unseal(key, value, &u); err != nil {
		note(fmt.Sprintf("row %d: the record of its upload is damaged, the upload may be left open (%v)", id, err))
		return nil, nil
	}
	return &u, nil
}

// drop takes a row out of the list. Its upload, if it has one, is kept among
// those of vanished rows.
func (w *writer) drop(id uint64) error {
	if err := w.unsettle(id); err != nil {
		return err
	}
	u, err := w.upload(id)
	if err != nil {
		return err
	}
	if u != nil {
		row, err := newRowReader(w.tx).row(id)
		if err != nil {
			return err
		}
		if err := w.lose(row, *u); err != nil {
			return err
		}
	}
	if err := w.dropUpload(id); err != nil {
		return err
	}
	if err := w.tx.Bucket(bucketDone).Delete(numberKey(id)); err != nil {
		return err
	}
	s, bit, err := w.state(id)
	if err != nil {
		return err
	}
	if !isSet(s.gone[:], bit) {
		set(s.gone[:], bit)
		w.sums.Rows--
	}
	return nil
}

// carry gives what is known of pending row old to row id.
func (w *writer) carry(old, id uint64) error {
	was := numberKey(old)
	var done doneRecord
	if value := w.tx.Bucket(bucketDone).Get(was); value != nil && unseal(was, value, &done) == nil {
		if err := writeRecord(w.tx.Bucket(bucketDone), numberKey(id), done); err != nil {
			return err
		}
	}
	if err := w.copyUpload(w.tx, old, id); err != nil {
		return err
	}
	return w.dropUpload(old)
}

// copyUpload copies the upload of row old in from, with its parts, to row id.
// Parts whose record is damaged are left out.
func (w *writer) copyUpload(from *bbolt.Tx, old, id uint64) error {
	u, err := readUpload(from, old, w.note)
	if err != nil || u == nil {
		return err
	}
	if err := writeRecord(w.tx.Bucket(bucketUploads), numberKey(id), u); err != nil {
		return err
	}
	type numbered struct {
		number int32
		partRecord
	}
	var parts []numbered
	c := from.Bucket(bucketParts).Cursor()
	for key, value := c.Seek(numberKey(old)); key != nil && keyNumber(key) == old; key, value = c.Next() {
		number, ok := partNumber(key)
		var part partRecord
		if ok && unseal(key, value, &part) == nil {
			parts = append(parts, numbered{number, part})
		}
	}
	for _, p := range parts {
		w.sums.Recorded += p.Size
		if err := writeRecord(w.tx.Bucket(bucketParts), partKey(id, p.number), p.partRecord); err != nil {
			return err
		}
	}
	return nil
}
