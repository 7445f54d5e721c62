package manifest

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// pageRows is how many rows one read transaction copies out before it closes.
// bbolt cannot grow its file while a reader is open, so a reader that waited
// for a writer in its transaction would wait for ever.
const pageRows = 1024

// pageBytes ends a page early when its rows are unusually long.
const pageBytes = 4 << 20

// Pending gives the next page of what is left: rows with an ID above after in
// order of their IDs, at most 1,024. While rows still come in (see OpenStream)
// it waits for more; an empty page is the end.
func (j *Job) Pending(ctx context.Context, after uint64) ([]engine.Pending, error) {
	for {
		limit, wait := j.limit()
		var page []engine.Pending
		err := j.view(func(tx *bbolt.Tx) (err error) {
			page, err = j.pendingPage(tx, after, limit)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read pending rows: %w", err)
		}
		if len(page) > 0 || wait == nil {
			return page, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pendingPage reads pending rows with IDs above after that limit admits.
func (j *Job) pendingPage(tx *bbolt.Tx, after uint64, limit limit) ([]engine.Pending, error) {
	_, s, err := readHeader(tx)
	if err != nil {
		return nil, err
	}
	states, rows, done := tx.Bucket(bucketState), newRowReader(tx), tx.Bucket(bucketDone)
	var page []engine.Pending
	text := 0
	last := min(s.Last, limit.last)
	for block, bit := stateAt(after + 1); block*rowsPerState < last; block, bit = block+1, 0 {
		st, err := readState(states, block, s.Pass)
		if err != nil {
			return nil, err
		}
		for bit = st.next(bit); bit < rowsPerState; bit = st.next(bit + 1) {
			id := block*rowsPerState + uint64(bit) + 1
			if id > last || len(page) == pageRows || text > pageBytes {
				return page, nil
			}
			if !limit.admits(id) {
				continue
			}
			p, err := j.pendingRow(tx, rows, done, id)
			if err != nil {
				return nil, err
			}
			page = append(page, p)
			text += len(p.Source) + len(p.Destination)
		}
	}
	return page, nil
}

func (j *Job) pendingRow(tx *bbolt.Tx, rows *rowReader, done *bbolt.Bucket, id uint64) (p engine.Pending, err error) {
	row, err := rows.row(id)
	if err != nil {
		return p, err
	}
	p.Object = engine.Object{ID: id, Source: row.source, Destination: row.destination}
	key := numberKey(id)
	if value := done.Get(key); value != nil {
		var record doneRecord
		if unseal(key, value, &record) == nil { // a damaged one only costs the comparison with it
			p.Last = record.last()
		}
	}
	u, err := readUpload(tx, id, j.noted.add)
	if err != nil || u == nil {
		return p, err
	}
	p.Begun = &engine.Begun{
		Pin:      u.Pin.pin(),
		Upload:   engine.Upload{ID: u.Upload, Destination: row.destination, PartSize: u.PartSize},
		Intended: u.Intended.time(),
	}
	return p, nil
}
