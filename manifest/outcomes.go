package manifest

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// An Outcome is a row that was copied or skipped in this pass. Of a skipped one
// that an earlier pass copied, everything but Status and At tells of that copy.
type Outcome struct {
	engine.Object
	Line   int64 // of the list
	Status engine.Status
	Pin    engine.Pin // size, ETag and version only
	Stored engine.Stored
	Sum    engine.Checksum
	Proof  engine.Proof
	At     time.Time // to the second
}

// Done gives the next page of rows that were copied or skipped in this pass,
// those with an ID above after in order of their IDs; empty at the end.
func (j *Job) Done(ctx context.Context, after uint64) ([]Outcome, error) {
	var page []Outcome
	err := j.view(func(tx *bbolt.Tx) error {
		_, s, err := readHeader(tx)
		if err != nil {
			return err
		}
		rows, failed, states := newRowReader(tx), tx.Bucket(bucketFailed), stateReader{tx: tx, pass: s.Pass}
		c := tx.Bucket(bucketDone).Cursor()
		for key, value := c.Seek(numberKey(after + 1)); key != nil && len(page) < pageRows; key, value = c.Next() {
			id := keyNumber(key)
			var record doneRecord
			if err := unseal(key, value, &record); err != nil {
				return fmt.Errorf("row %d: %w", id, err)
			}
			if settled, err := states.settled(id); err != nil {
				return err
			} else if !settled || failed.Get(key) != nil {
				continue
			}
			row, err := rows.row(id)
			if err != nil {
				return err
			}
			page = append(page, record.outcome(id, row))
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	return page, nil
}

func (d doneRecord) outcome(id uint64, row place) Outcome {
	return Outcome{
		Object: engine.Object{ID: id, Source: row.source, Destination: row.destination},
		Line:   row.line, Status: engine.Status(d.Status),
		Pin:    engine.Pin{Size: d.Size, ETag: d.ETag, Version: d.Version},
		Stored: engine.Stored{ETag: d.StoredETag, Version: d.StoredVersion, Checksum: d.StoredSum.checksum()},
		Sum:    d.Sum.checksum(), Proof: engine.Proof(d.Proof), At: time.Unix(d.At, 0),
	}
}
