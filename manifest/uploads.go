package manifest

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// lostBit marks the ID of an upload whose row is not in the list any more, so
// that both kinds can be paged through and forgotten by one number.
const lostBit = 1 << 63

// An OpenUpload is an upload that was intended or begun and has not been completed.
type OpenUpload struct {
	engine.Object               // ID is what Forget takes; not a row's ID if Vanished
	Upload        engine.Upload // its ID is "" when only the intent is known
	Pin           engine.Pin
	Intended      time.Time
	Completing    bool // Complete was, or was about to be, sent: the object may be whole
	Vanished      bool // its row is no longer in the list, so that no run takes it up
}

// Uploads gives the next page of open uploads, those with an ID above after in
// order of their IDs; empty at the end.
func (j *Job) Uploads(ctx context.Context, after uint64) ([]OpenUpload, error) {
	var page []OpenUpload
	err := j.view(func(tx *bbolt.Tx) (err error) {
		if after < lostBit {
			if page, err = j.openUploads(tx, after); err != nil || len(page) > 0 {
				return err
			}
			after = lostBit
		}
		page, err = j.lostUploads(tx, after&^lostBit)
		return err
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("read open uploads: %w", err)
	}
	return page, nil
}

func (j *Job) openUploads(tx *bbolt.Tx, after uint64) (page []OpenUpload, err error) {
	rows := newRowReader(tx)
	c := tx.Bucket(bucketUploads).Cursor()
	for key, _ := c.Seek(numberKey(after + 1)); key != nil && len(page) < pageRows; key, _ = c.Next() {
		id := keyNumber(key)
		row, err := rows.row(id)
		if err != nil {
			return nil, err
		}
		u, err := readUpload(tx, id, j.noted.add)
		if err != nil {
			return nil, err
		}
		if u != nil {
			page = append(page, u.open(engine.Object{ID: id, Source: row.source, Destination: row.destination}))
		}
	}
	return page, nil
}

func (j *Job) lostUploads(tx *bbolt.Tx, after uint64) (page []OpenUpload, err error) {
	c := tx.Bucket(bucketLost).Cursor()
	for key, value := c.Seek(numberKey(after + 1)); key != nil && len(page) < pageRows; key, value = c.Next() {
		var lost lostRecord
		if err := unseal(key, value, &lost); err != nil {
			j.noted.add(fmt.Sprintf("the record of a vanished row's upload is damaged, the upload may be left open (%v)", err))
			continue
		}
		u := lost.Upload.open(engine.Object{
			ID: keyNumber(key) | lostBit, Source: lost.Source, Destination: lost.Destination,
		})
		u.Vanished = true
		page = append(page, u)
	}
	return page, nil
}

func (u *uploadRecord) open(o engine.Object) OpenUpload {
	return OpenUpload{
		Object: o, Upload: engine.Upload{ID: u.Upload, Destination: o.Destination, PartSize: u.PartSize},
		Pin: u.Pin.pin(), Intended: u.Intended.time(), Completing: u.Completing,
	}
}

// Forget drops an open upload and its receipts, after it was aborted at the
// destination. Its row stays what it is. An unknown id is no error.
func (j *Job) Forget(ctx context.Context, id uint64) error {
	err := j.commit(ctx, func(w *writer) error {
		if id&lostBit != 0 {
			return w.tx.Bucket(bucketLost).Delete(numberKey(id &^ lostBit))
		}
		return w.dropUpload(id)
	})
	if err != nil {
		return fmt.Errorf("forget upload of row %d: %w", id, err)
	}
	return nil
}

// lose keeps the upload of a row that leaves the list.
func (w *writer) lose(row place, u uploadRecord) error {
	w.sums.Lost++
	return writeRecord(w.tx.Bucket(bucketLost), numberKey(w.sums.Lost),
		lostRecord{Source: row.source, Destination: row.destination, Upload: u})
}
