// Command xfer copies what a list names from one place to another: between S3
// services with different keys that expire on each side, and between S3 and disk.
//
// This package is the command and nothing else: flags, places, signals, the
// terminal, exit codes. It is the only one that prints. What it runs stands in
// package engine; it opens what the engine needs:
//
//	copy.go, resume.go      the commands that move bytes
//	status.go, abort.go     the commands that look at a job, or end it
//	options.go              flags, their environment variables, and what a job remembers of them
//	config.go, binding.go   the config file, and what it says of places
//	reach.go                how a place is reached, all settings considered
//	creds.go, serve.go      credentials for other tools
//	check.go, probe.go      a try of credentials, and why they do not work
//	place.go                what s3://…, file:///… and a path mean, and where a row goes
//	jobs.go                 from a command line to an open job file
//	stores.go, sides.go     credentials and stores of both sides, by place
//	outlast.go              a warning when keys end before the job
//	sparing.go              sources that allow few connections
//	session.go              one run of the engine: signals, observer, outcome
//	screen.go, progress.go  the terminal: one bar, or a line now and then
//	events.go, summary.go   the same for programs (--json), and the last words
//	exit.go                 errors, exit codes and what to do about them
package main
