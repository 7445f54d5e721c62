package manifest

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// maxCompared is how many rows with equal hashes are compared before the
// first duplicate found so far is good enough.
const maxCompared = 10_000

// findDuplicate fails with ErrDuplicate if two rows have one destination, and
// names the pair whose second row comes first in the list. by holds the hash of
// each row's destination.
func findDuplicate(tx *bbolt.Tx, by *sorter, name string) error {
	rows := newRowReader(tx)
	var first, second place // the duplicate found so far
	var group []uint64      // rows of one hash
	var hash uint64
	compared := 0
	for p, err := range by.sorted() {
		if err != nil {
			return err
		}
		if p.key != hash {
			hash, group = p.key, group[:0]
		}
		group = append(group, p.id)
		if len(group) == 1 {
			continue
		}
		a, err := rows.row(group[0])
		if err != nil {
			return err
		}
		b, err := rows.row(p.id)
		if err != nil {
			return err
		}
		for i := 1; a.destination != b.destination && i < len(group)-1; i++ { // different strings, one hash
			if a, err = rows.row(group[i]); err != nil {
				return err
			}
		}
		if a.destination == b.destination && (second.line == 0 || b.line < second.line) {
			first, second = a, b
		}
		if compared++; compared == maxCompared && second.line != 0 {
			break
		}
	}
	if second.line == 0 {
		return nil
	}
	return duplicate(name, first, second)
}

func duplicate(name string, first, second place) error {
	return fmt.Errorf("%s:%d: %w: %s, as in line %d", name, second.line, ErrDuplicate, second.destination, first.line)
}
