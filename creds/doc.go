// Package creds gives a bulk transfer S3 keys that outlive their own hour.
//
// Temporary keys die in the middle of a long job. This package fetches them,
// replaces them ahead of time, replaces them at once when a service rejects
// them, and lets the job wait, not fail, while none can be had.
//
// # Shape
//
//	"earthdata", "file:keys.env", …
//	      │ Parse
//	      ▼
//	    Spec ──Open──► Provider ──Fetch──► Keys            (one call, one set of keys)
//	                      │
//	                      ▼
//	                   Keeper ──Retrieve──► aws.Credentials (every request of every worker)
//	                      ▲  └──Event──► observer
//	                      └── Rejected(access key id, code)
//
// A Spec is what the user wrote. A Provider knows one vendor and keeps the login
// that vendor wants, such as a cookie; it has no idea of time. Keys are what one
// Fetch brought, with the expiry as the vendor's clock has it. A Keeper is all
// there is of time: one per identity and side of a job, shared by all workers.
//
// Once is for a caller that wants one set of keys and has no job to keep alive.
// Cached stands between a Provider and whoever calls it and shares keys with other
// processes through a file; nothing here writes keys anywhere else.
//
// # Who owns what
//
// One goroutine, started by NewKeeper and ended by Close, calls the Provider and
// the observer; no two fetches of one Keeper overlap, and events come in order.
// Workers only read the keys in hand, mark them rejected, or wait. A Provider is
// called by one goroutine at a time and needs no locks.
//
// # Rules that hold everywhere
//
//   - Keys in hand are kept until better ones have arrived and been checked.
//   - Every margin follows from the life of the keys, so that keys of two seconds
//     and keys of twelve hours behave alike.
//   - Life is counted from the vendor's clock to the vendor's expiry and then
//     measured on the local monotonic clock; the local wall clock may be wrong.
//   - No secret is in an error, an event or a String. Secrets travel as Secret.
//   - Authorization, cookies and every other header of ours go to the host and
//     port they are meant for and to no other. Plain http is for loopback only.
package creds
