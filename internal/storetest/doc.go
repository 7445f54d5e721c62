// Package storetest is the proof kit of the stores: an in-memory store with
// faults on demand, and the behaviour that every store must show. Only tests
// import it.
//
// # Shape
//
// Mem is a store in memory that is at once an [engine.Source] and an
// [engine.Destination]. It is strict where S3 is: uploads that are not open are
// gone, parts have a smallest size, reads are conditional on the pinned ETag, the
// sizes and sums of an upload must agree with what Complete says of them.
//
// A Call describes one call to Mem; its hook answers with a Fault, and Mem
// behaves accordingly. Each Fault that took effect is counted, so that a test can
// show that what it meant to survive has happened. An Arrival records the bytes
// that Mem accepted, whether or not they ended up in an object.
//
// Run checks a pair of stores against the contracts of package engine. A Harness
// tells it where the stores are, how to put an object behind their backs and how
// to look at one.
package storetest
