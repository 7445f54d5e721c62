package manifest

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// Receipts gives what was recorded of the parts of a begun object, in the order
// of their numbers. A part whose record is damaged counts as not arrived.
func (j *Job) Receipts(ctx context.Context, id uint64) ([]engine.Receipt, error) {
	var receipts []engine.Receipt
	err := j.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketParts).Cursor()
		for key, value := c.Seek(numberKey(id)); key != nil && keyNumber(key) == id; key, value = c.Next() {
			var part partRecord
			number, ok := partNumber(key)
			if !ok || unseal(key, value, &part) != nil {
				continue
			}
			receipts = append(receipts, engine.Receipt{
				ObjectID: id, Number: number, Size: part.Size, ETag: part.ETag, CRC: part.CRC, Also: part.Also,
			})
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read receipts of row %d: %w", id, err)
	}
	return receipts, nil
}

// Intend notes that an upload for this version is about to be begun. What an
// earlier upload of the row left is forgotten.
func (j *Job) Intend(ctx context.Context, id uint64, pin engine.Pin, partSize int64, at time.Time) error {
	key := numberKey(id)
	value, err := seal(key, uploadRecord{Pin: newPin(pin), PartSize: partSize, Intended: newStamp(at)})
	if err == nil {
		err = j.commit(ctx, func(w *writer) error {
			if _, _, err := w.state(id); err != nil {
				return err
			}
			if err := w.dropParts(id); err != nil {
				return err
			}
			return w.tx.Bucket(bucketUploads).Put(key, value)
		})
	}
	if err != nil {
		return fmt.Errorf("note intent for row %d: %w", id, err)
	}
	return nil
}

// Begun notes the ID of the upload that was intended.
func (j *Job) Begun(ctx context.Context, id uint64, uploadID string) error {
	err := j.changeUpload(ctx, id, func(u *uploadRecord) { u.Upload = uploadID })
	if err != nil {
		return fmt.Errorf("note upload of row %d: %w", id, err)
	}
	return nil
}

// Completing notes that Complete is about to be sent.
func (j *Job) Completing(ctx context.Context, id uint64) error {
	err := j.changeUpload(ctx, id, func(u *uploadRecord) { u.Completing = true })
	if err != nil {
		return fmt.Errorf("note completion of row %d: %w", id, err)
	}
	return nil
}

// changeUpload rewrites the upload of a row, which must have been intended.
func (j *Job) changeUpload(ctx context.Context, id uint64, change func(*uploadRecord)) error {
	return j.commit(ctx, func(w *writer) error {
		u, err := w.upload(id)
		if err != nil {
			return err
		}
		if u == nil {
			return fmt.Errorf("%w: no upload is known", ErrCorrupt)
		}
		change(u)
		return writeRecord(w.tx.Bucket(bucketUploads), numberKey(id), u)
	})
}

// Record makes receipts durable in one commit. Receipts of an object put whole,
// whose number is 0, and of a row without an upload are not kept: there is
// nothing that a later run could go on with.
func (j *Job) Record(ctx context.Context, receipts []engine.Receipt) error {
	type sealed struct {
		id         uint64
		size       int64
		key, value []byte
	}
	records := make([]sealed, 0, len(receipts))
	for _, r := range receipts {
		if r.Number <= 0 {
			continue
		}
		key := partKey(r.ObjectID, r.Number)
		value, err := seal(key, partRecord{Size: r.Size, ETag: r.ETag, CRC: r.CRC, Also: r.Also})
		if err != nil {
			return fmt.Errorf("record receipts: %w", err)
		}
		records = append(records, sealed{r.ObjectID, r.Size, key, value})
	}
	if len(records) == 0 {
		return j.failed()
	}
	err := j.commit(ctx, func(w *writer) error {
		uploads, parts := w.tx.Bucket(bucketUploads), w.tx.Bucket(bucketParts)
		for _, r := range records {
			if uploads.Get(r.key[:8]) == nil {
				continue
			}
			w.sums.Recorded += r.size - partSize(r.key, parts.Get(r.key))
			if err := parts.Put(r.key, r.value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record %d receipts: %w", len(records), err)
	}
	return nil
}
