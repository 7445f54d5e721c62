package engine

import "context"

// A Recorder is what record needs of the journal.
type Recorder interface {
	// Record makes receipts durable in one commit. An error means that nothing
	// can be recorded any more and the run must end.
	Record(ctx context.Context, receipts []Receipt) error
}
