package manifest

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"xfer/engine"
)

// maxReason is how many bytes are kept of why a row failed.
const maxReason = 1 << 10

// Settle makes outcomes durable in one commit.
func (j *Job) Settle(ctx context.Context, results []engine.Result) error {
	if len(results) == 0 {
		return j.failed()
	}
	now := time.Now().Unix()
	err := j.commit(ctx, func(w *writer) error {
		for i := range results {
			if err := w.settle(&results[i], now); err != nil {
				return fmt.Errorf("row %d: %w", results[i].ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settle %d rows: %w", len(results), err)
	}
	return nil
}

// settle brings one row to its end. Settled again, the last outcome holds.
func (w *writer) settle(r *engine.Result, now int64) error {
	if err := w.unsettle(r.ID); err != nil {
		return err
	}
	if r.Status != engine.Failed || r.Upload.ID == "" {
		if err := w.dropUpload(r.ID); err != nil {
			return err
		}
	}
	if r.Status == engine.Again {
		return nil
	}
	s, bit, err := w.state(r.ID)
	if err != nil {
		return err
	}
	set(s.settled[:], bit)
	key := numberKey(r.ID)
	switch r.Status {
	case engine.Copied:
		w.sums.Copied++
		w.sums.Bytes += r.Pin.Size
		return writeRecord(w.tx.Bucket(bucketDone), key, copied(r, w.sums.Pass, now))
	case engine.Skipped:
		w.sums.Skipped++
		return w.skip(r, key, now)
	case engine.Failed:
		w.sums.Failed++
		return writeRecord(w.tx.Bucket(bucketFailed), key, failedRecord{At: now, Reason: reason(r.Err)})
	}
	return fmt.Errorf("no such outcome: %d", int(r.Status))
}

func copied(r *engine.Result, pass uint32, now int64) doneRecord {
	return doneRecord{
		Pass: pass, Status: int(engine.Copied), At: now,
		Size: r.Pin.Size, ETag: r.Pin.ETag, Version: r.Pin.Version,
		StoredETag: r.Stored.ETag, StoredVersion: r.Stored.Version, StoredSum: newSum(r.Stored.Checksum),
		Sum: newSum(r.Sum), Proof: int(r.Proof),
	}
}

// skip keeps what is known of an earlier copy, for it still describes the object.
func (w *writer) skip(r *engine.Result, key []byte, now int64) error {
	done := w.tx.Bucket(bucketDone)
	var record doneRecord
	if value := done.Get(key); value == nil {
		record = copied(r, w.sums.Pass, now)
	} else if err := unseal(key, value, &record); err != nil {
		return err
	}
	record.Pass, record.Status, record.At = w.sums.Pass, int(engine.Skipped), now
	return writeRecord(done, key, record)
}

// reason is the text kept of an error: one line, without what would make a
// terminal do things, and not endless.
func reason(err error) string {
	if err == nil {
		return "no reason given"
	}
	text := strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || (r >= 0x7f && r < 0xa0) || r == utf8.RuneError:
			return ' '
		case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return -1 // marks that change the direction of text, or that cannot be seen
		}
		return r
	}, err.Error())
	if len(text) <= maxReason {
		return text
	}
	const more = " …"
	at := maxReason - len(more)
	for !utf8.RuneStart(text[at]) {
		at--
	}
	return text[:at] + more
}
