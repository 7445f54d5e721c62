// Command benchmarks measures xfer as a whole process: what a copy costs in CPU
// time, memory and seconds, from the operating system's own accounting of the
// finished process.
//
//	go run ./benchmarks                  all scenarios, median of five runs
//	go run ./benchmarks -only small -runs 9
//
// Each scenario starts fresh servers (internal/s3sim/s3simd, as processes of their
// own, in the mode that costs least) and copies between them with the xfer built
// from this checkout. Other tools found in PATH that can do the same work run in
// turn with it, A B A B, so that a ratio holds when the machine's speed drifts.
//
// Output is in the format of Go benchmarks, one line a run, so that benchstat can
// compare two checkouts, and then a table of medians. Nothing here fails because
// something was slow.
//
//	scenario.go   what is copied
//	server.go     the servers
//	tools.go      xfer and its peers: how each is told to do the work
//	measure.go    one run and its figures
//	main.go       the order of things, and the table
package main
