package manifest

import (
	"context"
	"hash/maphash"
	"iter"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// mergeBatch is how many rows are taken over in one transaction.
const mergeBatch = 16 << 10

// A merge takes over what an older job file knows into a new one that holds the
// rows of the changed list. Both sides are sorted by the hash of the destination
// and joined; what the join gives is sorted by the new ID, so that both files
// are then gone through about in order. Memory: two sorts and one bit a row.
type merge struct {
	from   *Job
	to     *builder
	sorted *sorter // of the rows of to
	seed   maphash.Seed

	added, dropped int64
	fresh          bool   // the older pass was finished: a new one begins
	known          bitset // rows of from that were found in to, by ID
}

// A bitset holds a bit per row ID.
type bitset []uint64

func newBitset(last uint64) bitset    { return make(bitset, last/64+1) }
func (b bitset) set(id uint64)        { b[id/64] |= 1 << (id % 64) }
func (b bitset) isSet(id uint64) bool { return b[id/64]&(1<<(id%64)) != 0 }

func (m *merge) run(ctx context.Context) error {
	was := m.from.sums.Load()
	m.fresh = was.totals().Finished() && was.Whole && was.Rows > 0
	m.to.header.ID, m.to.header.Created = m.from.header.ID, m.from.header.Created
	m.to.sums.Pass = was.Pass
	if m.fresh {
		m.to.sums.Pass++
	}
	m.known = newBitset(was.Last)
	pairs, err := newSorter(dirOf(m.to.path), runPairs)
	if err != nil {
		return err
	}
	defer pairs.close()
	if err := m.join(ctx, pairs); err != nil {
		return err
	}
	return m.from.view(func(tx *bbolt.Tx) error {
		if err := m.takeOver(ctx, tx, pairs); err != nil {
			return err
		}
		return m.leave(ctx, tx)
	})
}

// join finds candidates: rows of both files whose destinations have one hash.
// It gives them as (new ID, old ID).
func (m *merge) join(ctx context.Context, pairs *sorter) error {
	old, err := newSorter(dirOf(m.to.path), runPairs)
	if err != nil {
		return err
	}
	defer old.close()
	if err := m.from.view(func(tx *bbolt.Tx) error { return m.hashRows(ctx, tx, old) }); err != nil {
		return err
	}
	if err := old.finish(); err != nil {
		return err
	}
	next, stop := iter.Pull2(old.sorted())
	defer stop()
	head, err, more := next()
	var hash uint64
	var group []uint64 // old rows of this hash
	for p, failed := range m.sorted.sorted() {
		if failed != nil {
			return failed
		}
		if group == nil || p.key != hash {
			hash, group = p.key, []uint64{}
		}
		for ; more && err == nil && head.key <= p.key; head, err, more = next() {
			if head.key == p.key {
				group = append(group, head.id)
			}
		}
		if err != nil {
			return err
		}
		for _, id := range group {
			pairs.add(pair{p.id, id})
		}
	}
	return pairs.finish()
}

// hashRows gives the hash of each destination in the older file.
func (m *merge) hashRows(ctx context.Context, tx *bbolt.Tx, out *sorter) error {
	rows, states := newRowReader(tx), stateReader{tx: tx, pass: m.from.sums.Load().Pass}
	for id := uint64(1); id <= m.from.sums.Load().Last; id++ {
		if id%rowsPerState == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if gone, err := states.gone(id); err != nil {
			return err
		} else if gone {
			continue
		}
		row, err := rows.row(id)
		if err != nil {
			return err
		}
		out.add(pair{maphash.String(m.seed, row.destination), id})
	}
	return nil
}

// takeOver copies what is known of each row that is in both files.
func (m *merge) takeOver(ctx context.Context, from *bbolt.Tx, pairs *sorter) error {
	next, stop := iter.Pull2(pairs.sorted())
	defer stop()
	old := newRowReader(from)
	states := &stateReader{tx: from, pass: m.from.sums.Load().Pass}
	for more := true; more; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := m.to.db.Update(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{bucketDone, bucketUploads, bucketParts, bucketState} {
				tx.Bucket(name).FillPercent = fill
			}
			w, rows := newWriter(tx, &m.to.sums, m.from.noted.add), newRowReader(tx)
			for range mergeBatch {
				var p pair
				var err error
				if p, err, more = next(); !more || err != nil {
					more = more && err == nil
					if err != nil {
						return err
					}
					break
				}
				now, err := rows.row(p.key)
				if err != nil {
					return err
				}
				was, err := old.row(p.id)
				if err != nil {
					return err
				}
				if now.source != was.source || now.destination != was.destination {
					continue
				}
				m.known.set(p.id)
				m.added--
				if err := m.copyRow(w, from, states, p.id, p.key); err != nil {
					return err
				}
			}
			return w.flush()
		})
		if err != nil {
			return err
		}
	}
	m.added += m.to.sums.Rows
	m.dropped = m.from.sums.Load().Rows - (m.to.sums.Rows - m.added)
	return nil
}

// copyRow copies what is known of row old to row id. What is damaged is left
// out: the row is then copied again, which is never wrong.
func (m *merge) copyRow(w *writer, from *bbolt.Tx, states *stateReader, old, id uint64) error {
	was, key := numberKey(old), numberKey(id)
	settled, err := states.settled(old)
	if err != nil {
		return err
	}
	var done doneRecord
	if value := from.Bucket(bucketDone).Get(was); value != nil && unseal(was, value, &done) == nil {
		if err := writeRecord(w.tx.Bucket(bucketDone), key, done); err != nil {
			return err
		}
		if settled && !m.fresh && from.Bucket(bucketFailed).Get(was) == nil {
			s, bit, err := w.state(id)
			if err != nil {
				return err
			}
			set(s.settled[:], bit)
			if engine.Status(done.Status) == engine.Skipped {
				w.sums.Skipped++
			} else {
				w.sums.Copied++
				w.sums.Bytes += done.Size
			}
		}
	}
	return w.copyUpload(from, old, id)
}

// leave keeps the uploads of rows that are no longer in the list, so that they
// can be aborted.
func (m *merge) leave(ctx context.Context, from *bbolt.Tx) error {
	return m.to.db.Update(func(tx *bbolt.Tx) error {
		w, rows := newWriter(tx, &m.to.sums, m.from.noted.add), newRowReader(from)
		c := from.Bucket(bucketUploads).Cursor()
		for key, _ := c.First(); key != nil; key, _ = c.Next() {
			id := keyNumber(key)
			if m.known.isSet(id) {
				continue
			}
			row, err := rows.row(id)
			if err != nil {
				return err
			}
			u, err := readUpload(from, id, w.note)
			if err != nil {
				return err
			}
			if u == nil {
				continue
			}
			if err := w.lose(row, *u); err != nil {
				return err
			}
		}
		c = from.Bucket(bucketLost).Cursor()
		for key, value := c.First(); key != nil; key, value = c.Next() {
			var lost lostRecord
			if unseal(key, value, &lost) != nil {
				continue
			}
			if err := w.lose(place{source: lost.Source, destination: lost.Destination}, lost.Upload); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return w.flush()
	})
}
