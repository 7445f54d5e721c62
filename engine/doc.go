// Package engine copies what a journal has pending from a source to a
// destination. It knows neither S3 nor disks nor credentials nor bbolt: those
// stand behind the small interfaces that each stage declares for itself.
//
// # The flow
//
// One flat line of parts. Data goes one way; each stage is a file of its name.
//
//	 journal                                                              journal
//	 Pending                                                              Settle
//	    │ rows                                                               ▲
//	┌───▼──┐   ┌──────┐ parts ┌──────┐ deliveries ┌────────┐ whole ┌────────┐ outcomes ┌────────┐
//	│ feed │──►│ plan │──────►│ copy │───────────►│ record │──────►│ finish │─────────►│ settle │──► observer
//	└──────┘   │  ×N  │       │  ×N  │            │   ×1   │       │   ×16  │          │   ×1   │
//	           └──────┘       └──────┘            └────────┘       └────────┘          └────────┘
//	           open, pin,     range → part        one commit       complete,           one commit,
//	           begin, split   (streamed)          for many         resolve, compare    then told
//
// Read the files in this order: object.go, part.go, body.go and checksum.go for
// the nouns; transfer.go for what travels; run.go, which starts every goroutine;
// then plan.go, copy.go, record.go, finish.go and settle.go. Beside the line
// stand retry.go (what is done about which error), pace.go (how much at once),
// rounds.go (objects that must begin again) and report.go (what others see).
//
//	stage   takes        does                                       gives        journal
//	plan    a row        first GET: its reply pins the version      parts        Intend, Begun
//	                     and its body is part one
//	copy    a part       streams the bytes, summing them; tries     a delivery   —
//	                     again as retry.go says
//	record  deliveries   one commit, then counts the transfer down  a transfer   Record
//	finish  a transfer   completes it, finds out what became of a   an outcome   Completing
//	                     lost answer, compares checksums
//	settle  outcomes     one commit, then tells the observer        —            Settle
//
// A small object is one part and one Put, and goes the same way. So does a
// transfer that needs no bytes (all parts known from an earlier run, or nothing
// to be done), as news. A transfer without hope goes the same way with its error:
// all its parts are still sent and pass untouched, because record counts them.
//
// Nothing flows backwards, with two exceptions that carry no data: a transfer's
// hopeless flag, and rounds, by which an object whose upload was lost is fed once
// more from the journal.
//
// # Who owns what
//
//	Transfer          plan until its first part is sent; then record (missing,
//	                  receipts, err); then finish
//	a part's body     whoever holds the part; closed by copy, or where it is dropped
//	a channel         the stage that sends on it; the last goroutine of it closes
//	Counters          atomics; each counter is moved by one stage
//	pace, rounds      guard themselves
//	bytes not durable owed, a weighted semaphore: acquired by copy, released by record
//	                  for parts and by settle for objects put whole
//
// # Invariants
//
//  1. An upload's ID is journaled before any of its parts is sent, and the intent
//     to begin it before that. (A lost answer to Begin is found by Sweep.)
//  2. A part is journaled only after the destination acknowledged all of its
//     bytes. (A crash between sends the part again.)
//  3. Complete is sent only when all parts are journaled and Completing is.
//  4. An object is Copied in the journal only after the destination said so and
//     what it says agrees with what was sent. A lost answer is resolved by size
//     and checksum, never by existence.
//  5. Every read is conditional on the Pin. A changed source fails its object.
//  6. No journal transaction is open while a goroutine waits on a channel.
//  7. An observer is told only what is durable.
//  8. Bytes sent and not yet durable are at most 2 × workers × part size: that is
//     all a crash makes the next run send again.
//
// Memory is workers × the copy buffer of the stores, plus 100 bytes for each part
// of the objects on their way. It depends on neither part size nor object size
// nor the number of rows.
//
// # Stopping
//
// Run has two contexts. When intake ends, nothing new is begun: planners stop,
// parts in flight arrive and are recorded, a failed one is not tried again, and
// what is unfinished stays pending. When ctx ends, or Options.Grace has passed
// since intake did, everything is cut off. Both leave a journal from which the
// next run goes on.
package engine
