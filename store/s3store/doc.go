// Package s3store is S3 as a source and a destination of the engine.
//
// # Nouns
//
// A Store is one identity at one endpoint, for many buckets; it owns its
// connections and what it has learnt of each bucket and of the server. A place
// is s3://bucket/key with a raw key. A route is where and for which region
// requests for a bucket go. A request is one call before it is signed; send
// takes it over the wire and gives either a whole, good reply or an error that
// says what the engine should do.
//
// # The way of the data
//
//	source socket ─► http body ─► engine.Body (CRC) ─► framing ─► conn.ReadFrom ─► destination socket
//
// Nothing is held: conn.ReadFrom draws on the body with one pooled buffer, and
// the same bytes go out from that buffer. An upload whose CRC64NVME is known
// ahead carries it in a header; any other is framed as one aws-chunked chunk
// with the CRC64NVME as trailer, so that each byte is read once.
//
// # Streams by hand, documents by the SDK
//
// Requests whose meaning is in their headers (GET, HEAD, PUT, the parts, DELETE)
// are built and read here: one costs a signature and an HTTP round trip.
// Requests with XML on either side go through the SDK's serializers, stripped to
// those (client.go). Both pass through send, so that keys, routes, limits,
// positive checks and errors exist once. The SDK's retries, checksums and
// logging take no part.
//
// # What is believed
//
// A 2xx alone proves nothing: S3 may send 200 and then an error, or nothing at
// all ("How do I resolve a 200 internal error", AWS re:Post), and a captive
// portal answers anything with a page. Every reply must name what only a
// real one can: an ETag, an upload's ID, the expected root element, an explicit
// IsTruncated, the echo of our checksum.
//
// # Who waits for whom
//
// A connection on which no byte moves for Config.Stall while either side waits
// is cut (conn.go); a body that nobody reads is not waiting. A call that sends a
// Body returns only when the transport has let go of it, so the caller may close
// what is under it.
package s3store
