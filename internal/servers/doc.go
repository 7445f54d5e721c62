// Package servers starts real S3 servers for tests.
//
// # Shape
//
// Versity and MinIO start one server each for the time of a test, on a free port
// of 127.0.0.1, with its data in a folder of the test. The programs are those that
// tools/go.mod pins; `make test` builds them and names their folder in
// XFER_TEST_SERVERS. Without that variable the test is skipped, so that a plain
// `go test` needs nothing; with it, a server that is missing or does not start
// fails the test.
package servers
