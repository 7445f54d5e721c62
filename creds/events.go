package creds

import "time"

// An EventKind says what an Event tells.
type EventKind string

const (
	// Renewed: new keys are in hand. The first set has Generation 1.
	Renewed EventKind = "renewed"
	// Warning: a renewal failed, or keys that cannot be renewed near their end,
	// while the keys in hand still serve.
	Warning EventKind = "warning"
	// Rejected: the service refused the keys in hand; new ones are being fetched.
	Rejected EventKind = "rejected"
	// Paused: no valid keys can be had; Retrieve blocks. Told once per pause.
	Paused EventKind = "paused"
	// Resumed: valid keys are in hand again after a pause.
	Resumed EventKind = "resumed"
)

// An Event is one thing that happened to the keys of one Keeper. It holds no
// secret. Fields that do not belong to the Kind are zero.
type Event struct {
	Kind       EventKind
	Keeper     string        // the Keeper's name
	KeyID      string        // last four characters of the access key id
	From       string        // host, path or command the keys come from
	Generation int           // counts sets of keys from 1
	Life       time.Duration // what the keys had left on arrival; 0: not known
	Latency    time.Duration // how long the fetch took
	Next       time.Duration // until the next fetch is due; 0: none is planned
	Code       string        // Rejected: the service's error code
	Why        string        // Warning, Paused: the reason
	Fixed      bool          // Renewed: xfer cannot renew these keys; Hint says how somebody does
	Hint       string        // Warning, Paused, Fixed: what to do
	After      time.Duration // Resumed: how long the pause was
}

// Counts are totals of one Keeper since it was made.
type Counts struct {
	Renewals int64 // sets of keys that replaced another set
	Rejected int64 // sets of keys the service refused before their time
}
