package engine

import (
	"io"
	"sync/atomic"
)

// A transfer is one Object on its way to the destination.
//
// It has one owner at a time. plan builds it and owns it until the first of its
// parts is sent; from then on only record may touch the fields marked as its own,
// until record hands the whole transfer to finish. A copy worker reaches it
// through its part and may read everything else.
type transfer struct {
	Object
	pin    Pin
	upload Upload // ID "" for an object put whole

	// hopeless tells copy that the object will not arrive, so that its other
	// parts go by untouched. It is the only word that travels against the flow.
	hopeless atomic.Bool

	// record's own, then finish's
	missing  int32     // parts not yet accounted for
	receipts []Receipt // by number - 1; an unset one has Number 0
	stored   Stored    // of an object put whole
	crc      uint64    // likewise
	held     int64     // bytes of an object put whole that count as owed until it is settled
	skipped  bool
	left     bool  // the run stopped before the object was whole
	err      error // the first that cannot be mended
}

// A part is the unit of work: a span of a transfer, or the news that a transfer
// needs no work (nothing to copy, or no hope).
type part struct {
	t      *transfer
	number int32         // from 1; 0 for the whole of an object put in one request
	span   Range         // of the object
	body   io.ReadCloser // the first GET's, already open at span.Start; else nil
	news   bool          // no bytes to copy: t goes by as it is
	err    error         // why there is no hope, with news
}

// drop gives up an open body, for a part that will not be copied.
func (p *part) drop() {
	if p.body != nil {
		p.body.Close()
		p.body = nil
	}
}

// A delivery is what became of a part.
type delivery struct {
	part
	receipt Receipt
	stored  Stored // of an object put whole
	held    int64  // bytes that count as owed until the receipt is durable
	err     error  // errStopped when the run stopped before the part arrived
}

// whole is the part that carries all of an object put in one request.
func (t *transfer) whole(body io.ReadCloser) part {
	return part{t: t, span: Range{0, t.pin.Size}, body: body}
}

// expect is what the bytes of p must sum to, as far as the source tells.
func (p *part) expect() Checksum {
	c := p.t.pin.Checksum
	switch {
	case p.number == 0:
		return c
	case c.Algorithm.combines():
		return Checksum{Algorithm: c.Algorithm}
	}
	return Checksum{}
}

// sums combines the receipts of a whole transfer: the CRC64NVME of all bytes,
// and the same in the source's own algorithm, zero where that does not combine.
func (t *transfer) sums() (sum, also Checksum) {
	var crc uint64
	var small uint32
	for i, r := range t.receipts {
		if i == 0 {
			crc, small = r.CRC, r.Also
			continue
		}
		crc = CombineCRC64NVME(crc, r.CRC, r.Size)
		if t.pin.Checksum.Algorithm.combines() {
			small = combineCRC32(t.pin.Checksum.Algorithm, small, r.Also, r.Size)
		}
	}
	sum = NewCRC64NVME(crc)
	switch a := t.pin.Checksum.Algorithm; a {
	case CRC64NVME:
		also = sum
	case CRC32, CRC32C:
		also = newCRC32(a, small)
	}
	return sum, also
}
