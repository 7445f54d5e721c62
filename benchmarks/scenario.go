package main

import "fmt"

// A scenario is one piece of work: n objects of size bytes from one S3 to
// another, with a journal, checksums and a list as ever.
type scenario struct {
	name     string
	n        int
	size     int64
	workers  int
	partSize int64
}

var scenarios = []scenario{
	{name: "large", n: 2, size: 1 << 30, workers: 16, partSize: 16 << 20},
	{name: "small", n: 5000, size: 64 << 10, workers: 16, partSize: 16 << 20},
	{name: "one8GiB", n: 1, size: 8 << 30, workers: 16, partSize: 64 << 20},
}

func (s scenario) bytes() int64 { return int64(s.n) * s.size }

func (s scenario) String() string {
	if s.size >= 1<<20 {
		return fmt.Sprintf("%d × %d MiB", s.n, s.size>>20)
	}
	return fmt.Sprintf("%d × %d KiB", s.n, s.size>>10)
}

const (
	sourceBucket = "from"
	destBucket   = "to"
	prefix       = "data/"
)
