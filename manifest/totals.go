package manifest

// Totals are the sums over a job's rows. They are kept in the same commits as
// the rows themselves, so reading them costs nothing and they are never behind.
type Totals struct {
	Pass     int64 // from 1: how often the list has been gone through, this time included
	Rows     int64 // in the list
	Copied   int64 // of Rows, in this pass
	Skipped  int64 // likewise: nothing was to be done
	Failed   int64 // likewise
	Bytes    int64 // of the objects counted in Copied
	Recorded int64 // bytes of parts that have arrived of objects not yet whole
}

// Pending is how many rows have not ended in this pass.
func (t Totals) Pending() int64 { return t.Rows - t.Copied - t.Skipped - t.Failed }

// Finished reports whether every row has been copied or skipped.
func (t Totals) Finished() bool { return t.Pending() == 0 && t.Failed == 0 }

// sums is what the file keeps of the job as a whole and changes with every commit.
type sums struct {
	Pass     uint32 `cbor:"1,keyasint"`
	Last     uint64 `cbor:"2,keyasint"` // the highest ID given to a row
	Rows     int64  `cbor:"3,keyasint"`
	Copied   int64  `cbor:"4,keyasint,omitempty"`
	Skipped  int64  `cbor:"5,keyasint,omitempty"`
	Failed   int64  `cbor:"6,keyasint,omitempty"`
	Bytes    int64  `cbor:"7,keyasint,omitempty"`
	Recorded int64  `cbor:"8,keyasint,omitempty"`
	Whole    bool   `cbor:"9,keyasint,omitempty"`  // the list has been read to its end
	Indexed  uint64 `cbor:"10,keyasint,omitempty"` // of a stream: rows up to this ID are in bucket index
	Runs     uint32 `cbor:"11,keyasint,omitempty"` // of a stream: how many sorted runs bucket index holds
	Lost     uint64 `cbor:"12,keyasint,omitempty"` // the highest number given to a record of bucket lost
}

func (s sums) totals() Totals {
	return Totals{
		Pass: int64(s.Pass), Rows: s.Rows, Copied: s.Copied, Skipped: s.Skipped,
		Failed: s.Failed, Bytes: s.Bytes, Recorded: s.Recorded,
	}
}

// nextPass makes every row pending again.
func (s *sums) nextPass() {
	s.Pass++
	s.Copied, s.Skipped, s.Failed, s.Bytes = 0, 0, 0, 0
}

// Totals are the sums as of the last commit.
func (j *Job) Totals() Totals { return j.sums.Load().totals() }
