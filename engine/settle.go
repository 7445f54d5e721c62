package engine

import "context"

// A Settler is what settle needs of the journal.
type Settler interface {
	// Settle makes outcomes durable in one commit: a Copied or Skipped row is
	// done; a Failed one is kept with its reason, and with its upload if
	// Result.Upload is still open; an Again row stays pending without its upload
	// and receipts.
	Settle(ctx context.Context, results []Result) error
}

// A Status is how an object ended.
type Status int

// How an object can end.
const (
	Copied  Status = iota // whole at the destination
	Skipped               // nothing to do: the source is as an earlier pass copied it
	Failed                // not copied, Result.Err says why
	Again                 // its upload was lost: begins again within this run
)

func (s Status) String() string {
	return [...]string{"copied", "skipped", "failed", "again"}[s]
}

// A Proof is how far the bytes of an object were compared.
type Proof int

// What was compared, from nothing to everything.
const (
	// ProofNone: the destination told no checksum of what it holds.
	ProofNone Proof = iota
	// ProofDestination: the destination holds what was read, but the source
	// keeps no checksum to hold that against.
	ProofDestination
	// ProofEndToEnd: the source's own checksum, or a read without a network in
	// between, agrees with the destination's.
	ProofEndToEnd
)

func (p Proof) String() string {
	return [...]string{"none", "destination", "end-to-end"}[p]
}

// A Result is how one object ended. It is journaled before anyone is told.
type Result struct {
	Object
	Status Status
	Pin    Pin      // of the version copied; may be zero for a Failed one
	Stored Stored   // zero unless Copied
	Sum    Checksum // CRC64NVME of all bytes sent; zero unless Copied
	Proof  Proof
	Upload Upload // of a Failed one: still open at the destination, kept for the next run; else zero
	Err    error  // why it Failed, nil otherwise
}

// An outcome is a Result, and the bytes that count as owed until it is durable.
type outcome struct {
	Result
	held int64
}

// settle makes results durable, many in one commit, and then tells of them.
func (r *run) settle(ctx context.Context, in <-chan outcome) error {
	for o := range in {
		batch := drain(in, o)
		results := make([]Result, len(batch))
		for i, o := range batch {
			results[i] = o.Result
		}
		if err := r.journal.Settle(ctx, results); err != nil {
			return r.unlessCut(ctx, err)
		}
		for _, o := range batch {
			r.owed.Release(o.held)
			r.count.Recorded.Add(o.held)
			r.tell(o.Result)
			r.rounds.end(o.Status)
		}
	}
	return nil
}

// tell counts a durable result and passes it on.
func (r *run) tell(result Result) {
	c := r.count
	switch result.Status {
	case Copied:
		c.Copied.Add(1)
		c.Bytes.Add(result.Pin.Size)
		switch result.Proof {
		case ProofEndToEnd:
			c.EndToEnd.Add(1)
		case ProofDestination:
			c.Destination.Add(1)
		default:
			c.Unproven.Add(1)
		}
	case Skipped:
		c.Skipped.Add(1)
	case Failed:
		if n := c.Failed.Add(1); r.opt.MaxFailures > 0 && n == int64(r.opt.MaxFailures) {
			r.halt(ErrTooManyFailures)
		}
	case Again:
		c.Restarted.Add(1)
		return
	}
	if r.opt.Observer.Settled != nil {
		r.opt.Observer.Settled(result)
	}
}
