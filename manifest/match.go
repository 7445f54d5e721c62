package manifest

import "go.etcd.io/bbolt"

// A step is a row of a stream that is to be added to the job file.
type step struct {
	place
	id    uint64 // that it gets
	old   uint64 // the known row whose place it takes, 0 if there is none
	keeps bool   // it takes over what is known of old, not only its destination
}

// plan finds out what each row of a batch is, and gives those to be added. They
// get their IDs here: only this goroutine adds rows, so commit gives the same.
func (in *intake) plan(tx *bbolt.Tx, batch []Row) (steps []step, err error) {
	m := &matcher{
		intake: in, tx: tx, rows: newRowReader(tx), states: stateReader{tx: tx, pass: in.job.sums.Load().Pass},
		first: in.last + 1,
	}
	for _, row := range batch {
		p, err := resolve(in.list.Path, row, in.list.Resolve)
		if err != nil {
			return nil, err
		}
		hash := hashOf(p.destination)
		s := step{place: p}
		s.old, s.keeps, err = m.match(p, hash)
		if err != nil {
			return nil, err
		}
		if s.old != 0 && !in.moved[s.old] {
			continue // known, and will be given out in its turn
		}
		in.last++
		s.id = in.last
		in.index.add(pair{hash, s.id})
		m.added = append(m.added, p)
		steps = append(steps, s)
	}
	return steps, nil
}

// A matcher finds the rows of one batch among those known. It ends with its transaction.
type matcher struct {
	*intake
	tx     *bbolt.Tx
	rows   *rowReader
	states stateReader
	first  uint64  // the ID of added[0]
	added  []place // rows of this batch, which tx does not have
}

// match finds the known row with the destination of p, 0 if there is none. If
// it has to be added anew it is put into moved, and keeps says whether it is
// the same row.
func (m *matcher) match(p place, hash uint64) (old uint64, keeps bool, err error) {
	old, was, err := m.find(p, hash)
	if err != nil || old == 0 {
		return 0, false, err
	}
	if old > m.known {
		return 0, false, duplicate(m.list.Path, was, p)
	}
	m.cursor = old
	if was.source != p.source {
		if m.isSeen(old) {
			return 0, false, duplicate(m.list.Path, was, p)
		}
		m.moved[old] = true
		return old, false, nil
	}
	settled, err := m.states.settled(old)
	if err != nil {
		return 0, false, err
	}
	switch m.claim(old, settled) {
	case again:
		return 0, false, duplicate(m.list.Path, was, p)
	case late:
		m.moved[old] = true
	}
	return old, true, nil
}

// find gives the row with the destination of p that is in the list: one of this
// reading if there is one, otherwise one of an earlier reading.
func (m *matcher) find(p place, hash uint64) (id uint64, was place, err error) {
	if id, was, err = m.next(p); err != nil || id != 0 {
		return id, was, err
	}
	ids, err := m.index.find(m.tx, hash)
	if err != nil {
		return 0, was, err
	}
	for _, candidate := range ids {
		row, ok, err := m.live(candidate)
		if err != nil {
			return 0, was, err
		}
		if ok && row.destination == p.destination && candidate > id {
			id, was = candidate, row
		}
	}
	return id, was, nil
}

// next tries the row after the one that came by last: streams mostly come in
// the order in which they came before.
func (m *matcher) next(p place) (uint64, place, error) {
	for id := m.cursor + 1; id <= m.known; id++ {
		row, ok, err := m.live(id)
		if err != nil {
			return 0, place{}, err
		}
		if ok && row.destination == p.destination {
			return id, row, nil
		}
		if ok {
			break
		}
	}
	return 0, place{}, nil
}

// live gives a row; ok is false if it is no longer in the list.
func (m *matcher) live(id uint64) (row place, ok bool, err error) {
	if id >= m.first {
		return m.added[id-m.first], true, nil
	}
	if m.moved[id] {
		return row, false, nil
	}
	gone, err := m.states.gone(id)
	if err != nil || gone {
		return row, false, err
	}
	row, err = m.rows.row(id)
	return row, err == nil, err
}
