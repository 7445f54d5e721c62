package manifest

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// fill is how full pages are made. Rows are only ever added at the end, so no
// page is ever split to take one in the middle.
const fill = 0.95

// A builder writes a new job file under another name, without a sync, and puts
// it in place whole. One goroutine uses it, which calls place or discard.
type builder struct {
	path string // of the finished job file
	file *os.File
	db   *bbolt.DB
	tx   *bbolt.Tx // nil between transactions
	rows *bbolt.Bucket

	header header
	sums   sums
	tail   []place // the block being gathered
	inTx   int     // blocks put into tx
}

// blocksPerTx is how many blocks go into one transaction while loading: 64 Ki rows.
const blocksPerTx = 1024

func newPath(path string) string { return path + ".new" }

// newBuilder begins a job file. The caller holds the lock of path; what a
// killed process left under the temporary name is removed.
func newBuilder(path string, h header) (*builder, error) {
	if err := os.Remove(newPath(path)); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("create job file: %w", err)
	}
	h.ID, h.Created = rand.Text(), time.Now().Unix()
	b := &builder{path: path, header: h, sums: sums{Pass: 1}, tail: make([]place, 0, rowsPerBlock)}
	err := guard(func() (err error) {
		b.db, err = bbolt.Open(newPath(path), 0o600, &bbolt.Options{
			Timeout: time.Second, NoSync: true, NoGrowSync: true, FreelistType: bbolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(name, flag|os.O_EXCL, mode)
				b.file = f
				return f, err
			},
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create job file: %w", err)
	}
	if err := b.init(); err != nil {
		b.discard()
		return nil, fmt.Errorf("create job file: %w", err)
	}
	return b, nil
}

func (b *builder) init() error {
	if err := b.file.Chmod(0o600); err != nil {
		return err
	}
	return b.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range allBuckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return writeFormat(tx.Bucket(bucketJob))
	})
}

// add appends a row; its ID is sums.Last afterwards.
func (b *builder) add(row place) error {
	b.tail = append(b.tail, row)
	b.sums.Last++
	b.sums.Rows++
	if len(b.tail) < rowsPerBlock {
		return nil
	}
	return b.flush()
}

func (b *builder) flush() error {
	if len(b.tail) == 0 {
		return nil
	}
	if b.tx == nil {
		tx, err := b.db.Begin(true)
		if err != nil {
			return err
		}
		b.tx, b.rows, b.inTx = tx, tx.Bucket(bucketRows), 0
		b.rows.FillPercent = fill
	}
	if err := writeBlock(b.rows, (b.sums.Last-1)/rowsPerBlock, b.tail); err != nil {
		return err
	}
	b.tail = b.tail[:0]
	if b.inTx++; b.inTx < blocksPerTx {
		return nil
	}
	return b.commit()
}

// commit ends the open transaction, if there is one.
func (b *builder) commit() error {
	if b.tx == nil {
		return nil
	}
	tx := b.tx
	b.tx = nil
	return tx.Commit()
}

// done ends the adding of rows; they can be read afterwards.
func (b *builder) done() error {
	if err := b.flush(); err != nil {
		return err
	}
	return b.commit()
}

// place makes the file durable and gives it its name. What was there before is
// replaced; after a crash either is there, whole.
func (b *builder) place() error {
	err := b.db.Update(func(tx *bbolt.Tx) error {
		if err := writeRecord(tx.Bucket(bucketJob), keyHeader, b.header); err != nil {
			return err
		}
		return writeRecord(tx.Bucket(bucketJob), keySums, b.sums)
	})
	if err == nil {
		err = b.db.Sync()
	}
	if err != nil {
		b.discard()
		return err
	}
	if err := b.db.Close(); err != nil {
		b.discard()
		return err
	}
	if err := os.Rename(newPath(b.path), b.path); err != nil {
		b.discard()
		return err
	}
	return syncDir(filepath.Dir(b.path))
}

// discard removes the unfinished file. It may be called at any time but after place.
func (b *builder) discard() {
	if b.tx != nil {
		_ = b.tx.Rollback()
	}
	_ = b.db.Close()
	_ = os.Remove(newPath(b.path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
