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
