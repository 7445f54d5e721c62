// Package s3sim is an S3 endpoint and a vendor of temporary credentials, both
// strict and, on demand, mischievous. Tests, the quickstart and benchmarks run
// against it; xfer itself never imports it.
//
// # Nouns
//
//   - A Server is one endpoint: buckets in memory, path style, SigV4. A source
//     and a destination are two Servers in one process, or one.
//   - A Synthetic is content that takes no memory: its bytes follow from a seed.
//   - A Key signs requests. It may carry a session token and may expire.
//   - A Vendor mints Keys over HTTP for its Servers, as TEA, Cumulus, EODH or a
//     plain web endpoint do. A Login plays Earthdata Login for it.
//   - A Fault is an instruction to misbehave; Armed tells how often it did.
//   - Entry, Request and Stats are what the Server remembers of what it accepted.
//   - A Control does from another process what Server's own methods do in this.
//
// # The way of a request
//
//	route ─► admit ─► first byte ─► faults ─► the operation ─► faults ─► reply
//	          │                      │                          │
//	     auth, region,          act instead,              replace or spoil
//	     denied, payer         change the store              the reply
//
// Everything belongs to the goroutine that serves the request, except buckets
// (one mutex each), keys, faults and the log (one mutex each). An object never
// changes once stored: overwriting stores another one, so a reply that has begun
// is wholly of one version.
//
// # How strict
//
// Keys are kept byte for byte: nothing cleans a path. Signatures are verified
// over the request as it came in, chunk signatures of aws-chunked bodies too.
// Every checksum that a client sends is compared with one computed here, and a
// CRC64NVME is stored where none was sent. Part numbers, sizes, order and ETags
// are checked at Complete, as are x-amz-mp-object-size and full-object and
// composite checksums. Where servers are known to differ (a repeated Complete,
// expired keys, listings with encoding-type) Config chooses.
//
// Left out: versions, ACLs, policies, tagging, encryption, virtual-host style,
// reading by part number. Such requests get 501 NotImplemented.
//
// # How cheap
//
// CheapConfig computes CRC64NVME and nothing else. Synthetic content goes to the
// socket without being copied, bodies are read with pooled buffers of 256 KiB,
// and with Config.Discard nothing is kept of them but size and checksum.
package s3sim
