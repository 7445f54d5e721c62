package manifest

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The layout of bbolt's file format, version 2, as its package common defines
// it: a page begins with id (8 bytes), flags (2), count (2), overflow (4).
const (
	pageHeader    = 16
	elementSize   = 16 // in branch and leaf pages
	metaSize      = 64
	boltMagic     = 0xED0CDAED
	boltVersion   = 2
	branchPage    = 0x01
	leafPage      = 0x02
	freelistPage  = 0x10
	bucketElement = 0x01 // flag of a leaf element whose value is a bucket
	maxPageSize   = 64 << 10
	maxDepth      = 24 // of a tree; with two children a page this is 16 million leaves
)

// boltMeta is what a meta page says.
type boltMeta struct {
	pageSize  int64
	root      uint64 // page of the root bucket
	freelist  uint64
	highWater uint64 // the first page number never used
	txid      uint64
}

// checkFile looks whether bbolt can be let near a file: bbolt panics on, or
// follows for ever, pages that do not add up, and reading a mapped page beyond
// the end of the file kills the process. It reads the meta pages, the freelist
// and the branch pages, a hundredth of the file. Leaf pages are not read; what
// is wrong in them is found by the checksum of each record.
func checkFile(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: not a regular file", ErrForeign)
	case info.Size() == 0:
		return fmt.Errorf("%w: it is empty", ErrTruncated)
	}
	meta, err := readMeta(f, info.Size())
	if err != nil {
		return err
	}
	if meta.highWater > uint64(info.Size()/meta.pageSize) {
		return fmt.Errorf("%w: %d bytes, should be at least %d pages of %d", ErrTruncated,
			info.Size(), meta.highWater, meta.pageSize)
	}
	w := &pageWalk{file: f, boltMeta: meta, branches: make(map[uint64]bool)}
	if err := w.tree(meta.root, 0, true); err != nil {
		return err
	}
	return w.free()
}

// readMeta gives the newer of the two meta pages that are whole. One torn page
// is what a power cut in the middle of a commit leaves behind, and is no damage.
func readMeta(f io.ReaderAt, size int64) (boltMeta, error) {
	first, ok := parseMeta(f, 0)
	at := first.pageSize
	if !ok {
		for at = 1 << 10; at <= maxPageSize; at <<= 1 {
			if m, found := parseMeta(f, at); found && m.pageSize == at {
				return m, nil
			}
		}
		if size < 2*metaSize {
			return boltMeta{}, fmt.Errorf("%w: it is too short", ErrForeign)
		}
		var head [pageHeader + 4]byte
		if _, err := f.ReadAt(head[:], 0); err == nil && binary.NativeEndian.Uint32(head[pageHeader:]) == boltMagic {
			return boltMeta{}, fmt.Errorf("%w: neither of its first pages is whole", ErrCorrupt)
		}
		return boltMeta{}, fmt.Errorf("%w: it does not begin as one", ErrForeign)
	}
	if second, ok := parseMeta(f, at); ok && second.pageSize == at && second.txid > first.txid {
		return second, nil
	}
	return first, nil
}

func parseMeta(f io.ReaderAt, at int64) (boltMeta, bool) {
	var page [pageHeader + metaSize]byte
	if _, err := f.ReadAt(page[:], at); err != nil {
		return boltMeta{}, false
	}
	b, e := page[pageHeader:], binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	m := boltMeta{
		pageSize: int64(e.Uint32(b[8:])), root: e.Uint64(b[16:]), freelist: e.Uint64(b[32:]),
		highWater: e.Uint64(b[40:]), txid: e.Uint64(b[48:]),
	}
	ok := e.Uint32(b) == boltMagic && e.Uint32(b[4:]) == boltVersion && e.Uint64(b[56:]) == sum.Sum64() &&
		m.pageSize >= 1<<10 && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
	return m, ok
}

// A pageWalk follows branch pages, each at most once.
type pageWalk struct {
	boltMeta
	file     io.ReaderAt
	branches map[uint64]bool // visited
}

func (w *pageWalk) damaged(id uint64, what string) error {
	return fmt.Errorf("%w: page %d %s", ErrCorrupt, id, what)
}

// header reads the header of a page and checks that it is that page.
func (w *pageWalk) header(id uint64) (flags, count uint16, overflow uint32, err error) {
	var h [pageHeader]byte
	if id < 2 || id >= w.highWater {
		return 0, 0, 0, w.damaged(id, "is not in the file")
	}
	if _, err := w.file.ReadAt(h[:], int64(id)*w.pageSize); err != nil {
		return 0, 0, 0, fmt.Errorf("%w: read page %d: %w", ErrCorrupt, id, err)
	}
	e := binary.NativeEndian
	flags, count, overflow = e.Uint16(h[8:]), e.Uint16(h[10:]), e.Uint32(h[12:])
	if e.Uint64(h[:]) != id || uint64(overflow) >= w.highWater-id {
		return 0, 0, 0, w.damaged(id, "has a wrong header")
	}
	return flags, count, overflow, nil
}

// page reads a whole page.
func (w *pageWalk) page(id uint64, overflow uint32) ([]byte, error) {
	b := make([]byte, w.pageSize*(1+int64(overflow)))
	if _, err := w.file.ReadAt(b, int64(id)*w.pageSize); err != nil {
		return nil, fmt.Errorf("%w: read page %d: %w", ErrCorrupt, id, err)
	}
	return b, nil
}

// tree walks the tree whose root is page id. buckets says that its leaves hold
// buckets, which are walked too. All children of a branch page are of one kind,
// as in any B+tree that grows at the root, so the first one speaks for all.
func (w *pageWalk) tree(id uint64, depth int, buckets bool) error {
	flags, count, overflow, err := w.header(id)
	switch {
	case err != nil:
		return err
	case flags == leafPage && !buckets:
		return nil
	case flags == leafPage:
		return w.bucketsIn(id, count, overflow)
	case flags != branchPage || count == 0 || depth > maxDepth:
		return w.damaged(id, "is not part of a tree")
	case w.branches[id]:
		return w.damaged(id, "is its own ancestor or used twice")
	}
	w.branches[id] = true
	b, err := w.page(id, overflow)
	if err != nil {
		return err
	}
	if pageHeader+int(count)*elementSize > len(b) {
		return w.damaged(id, "has too many elements")
	}
	branches := false
	for i := range int(count) {
		at := pageHeader + i*elementSize
		pos, size := binary.NativeEndian.Uint32(b[at:]), binary.NativeEndian.Uint32(b[at+4:])
		child := binary.NativeEndian.Uint64(b[at+8:])
		if uint64(at)+uint64(pos)+uint64(size) > uint64(len(b)) {
			return w.damaged(id, "has a key beyond its end")
		}
		if child < 2 || child >= w.highWater || w.branches[child] {
			return w.damaged(id, "leads nowhere")
		}
		if i == 0 {
			flags, _, _, err := w.header(child)
			if err != nil {
				return err
			}
			branches = flags == branchPage
		}
		if branches || buckets {
			if err := w.tree(child, depth+1, buckets); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucketsIn walks the buckets that a leaf page of the root bucket holds.
func (w *pageWalk) bucketsIn(id uint64, count uint16, overflow uint32) error {
	b, err := w.page(id, overflow)
	if err != nil {
		return err
	}
	for i := range int(count) {
		at := pageHeader + i*elementSize
		if at+elementSize > len(b) {
			return w.damaged(id, "has too many elements")
		}
		e := binary.NativeEndian
		pos, ksize, vsize := uint64(e.Uint32(b[at+4:])), uint64(e.Uint32(b[at+8:])), uint64(e.Uint32(b[at+12:]))
		value := uint64(at) + pos + ksize
		if value+vsize > uint64(len(b)) {
			return w.damaged(id, "has an element beyond its end")
		}
		if e.Uint32(b[at:])&bucketElement == 0 {
			continue
		}
		if vsize < 16 {
			return w.damaged(id, "has a bucket that is too short")
		}
		root := e.Uint64(b[value:])
		if root == 0 {
			if !inlineLeaf(b[value+16 : value+vsize]) {
				return w.damaged(id, "has a small bucket that is not whole")
			}
			continue
		}
		if err := w.tree(root, 1, false); err != nil {
			return err
		}
	}
	return nil
}

// inlineLeaf reports whether b is a leaf page, as a small bucket has it in its value.
func inlineLeaf(b []byte) bool {
	if len(b) < pageHeader {
		return false
	}
	e := binary.NativeEndian
	count := int(e.Uint16(b[10:]))
	if e.Uint16(b[8:]) != leafPage || pageHeader+count*elementSize > len(b) {
		return false
	}
	for i := range count {
		at := pageHeader + i*elementSize
		end := uint64(at) + uint64(e.Uint32(b[at+4:])) + uint64(e.Uint32(b[at+8:])) + uint64(e.Uint32(b[at+12:]))
		if end > uint64(len(b)) || e.Uint32(b[at:])&bucketElement != 0 {
			return false
		}
	}
	return true
}

// free checks the list of free pages: a page in use that were in it would be
// overwritten by the next commit.
func (w *pageWalk) free() error {
	flags, n, overflow, err := w.header(w.freelist)
	if err != nil {
		return err
	}
	b, err := w.page(w.freelist, overflow)
	if err != nil {
		return err
	}
	ids, count := b[pageHeader:], uint64(n)
	if n == 0xFFFF {
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if flags != freelistPage || count > uint64(len(ids)/8) {
		return w.damaged(w.freelist, "is not a list of free pages")
	}
	var last uint64 = 1
	for i := range count {
		id := binary.NativeEndian.Uint64(ids[8*i:])
		if id <= last || id >= w.highWater || w.branches[id] {
			return w.damaged(w.freelist, "lists a page that is not free")
		}
		last = id
	}
	return nil
}
