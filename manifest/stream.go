package manifest

import (
	"math"

	"xfer/engine"
)

type reading struct{}

// A limit is which rows Pending may give out.
type limit struct {
	last   uint64            // none above
	admits func(uint64) bool // of those
}

func (j *Job) limit(after uint64) (limit, <-chan struct{}) {
	return limit{math.MaxUint64, func(uint64) bool { return true }}, nil
}

func (j *Job) handed(page []engine.Pending) {}
