// Package manifest reads lists of what to copy and keeps the job file: a list's
// rows, and what has become of each.
//
// # Nouns
//
//	Row      one line of a list, as it stands there
//	List     where rows come from, and how they become places
//	Job      an open job file; implements engine.Journal
//	Holder   the process that has a job open for writing
//	pass     one going through of the whole list; a job has one after another
//
// A list file is read whole into a job file before anything is copied (OpenList);
// the rows of a pipe or a listing come in beside the copying (OpenStream, Load).
// Then Start, then a run that asks Pending for pages of rows and hands back what
// happened: Intend, Begun, Record, Completing, Settle. Totals, Failed, Done,
// Uploads and Notes tell where a job stands; Inspect opens one for that alone.
//
// # Who owns what
//
// One process writes a job: it holds a flock on FILE.lock, which also says who it
// is. In it one goroutine, the committer, writes; callers hand it changes and wait
// for the commit that holds theirs, which holds those of up to 255 others too.
// Readers copy a page out of a transaction and close it before they return. An
// intake owns the reading of a stream, a builder the file that is being loaded.
//
// Memory does not grow with the list, but for one bit a row in a merge, and two
// bytes and a bit a row while a stream is read. Temporary files stand beside the
// job file and have no name, so that a killed process leaves none.
//
// # What holds
//
//  1. What a call made durable is there after any crash. What a commit holds
//     it holds whole: a row, its upload, its parts and the totals agree.
//  2. After an error of a commit nobody knows what the file holds. The job is
//     poisoned: every later call fails. Opening it anew tells what is there.
//  3. A job file appears under its name whole. It is written as FILE.new without
//     syncs, synced, renamed, and its directory synced. So is the result of a merge.
//  4. An ID is given to one row only. Only a merge, which makes a new file,
//     numbers anew.
//  5. Parts are only kept of an upload that is known, and uploads only of rows that
//     have not been copied or skipped.
//  6. Damage is never followed: pages are checked before bbolt sees them, and each
//     record has a checksum over key and value. A damaged part counts as not
//     arrived and a damaged upload as never begun, with a note. Everything else
//     is an error.
//
// A job file names credentials in its settings at most; it never holds any.
//
// # The file
//
// A bbolt database, mode 0600. Numbers in keys are big endian. A value is a
// version byte (1), CBOR (RFC 8949), and a CRC32C (big endian) over the key and
// all bytes before it. Records written as [a, b] are CBOR arrays, those as {1: a}
// are maps with small integers for names, in which what is zero is left out. Text
// may hold bytes that are not UTF-8, as names of files may.
//
//	bucket   key           value
//	xfer     "format"      no CBOR: "xferjob\n", format version (4 bytes, 1), CRC32C as above
//	xfer     "header"      {1: job ID, 2: list, 3: is a stream, 4: destination, 5: rules,
//	                       6: [SHA-256 of the list, size, mtime ns or 0, inode],
//	                       7: created (unix s), 8: settings}
//	xfer     "sums"        {1: pass, 2: last row ID, 3: rows, 4: copied, 5: skipped, 6: failed,
//	                       7: bytes copied, 8: bytes recorded, 9: list read to its end,
//	                       10: rows indexed, 11: runs in index, 12: last number in lost}
//	rows     block (8)     [[row, …]]: up to 64 rows, from ID 64·block+1 on
//	state    block (8)     [pass, settled, gone]: bitmaps of 1,024 rows, from ID 1024·block+1 on
//	done     row ID (8)    {1: pass, 2: status, 3: at (unix s), 4: size, 5: ETag, 6: version,
//	                       7: stored ETag, 8: stored version, 9: stored sum, 10: sum sent, 11: proof}
//	failed   row ID (8)    [at (unix s), reason]
//	uploads  row ID (8)    {1: pin, 2: upload ID, 3: part size, 4: [s, ns] intended, 5: completing}
//	parts    row ID (8),   [size, ETag, CRC64NVME, CRC32 or CRC32C]
//	         number (4)
//	lost     number (8)    {1: source, 2: destination, 3: upload as above}: of rows no longer listed
//	index    run (4),      [pairs]: hash (8) and row ID (8) of rows of a stream, sorted; the hash is
//	         record (4)    the first 8 bytes of SHA-256 of the destination
//
// A row is [line, keep, tail, same, head]: its line less that of the row before;
// its source is the first keep bytes of the source before, then tail; its
// destination is head, or the head before if that is null, then the last same
// bytes of its source. The row before the first of a block is empty.
//
// In state, the lowest bit of the first byte is the first row. A row is pending
// if neither its gone bit is set nor, in a record of the pass that sums names,
// its settled bit. So the next pass begins with one number, and what is left of
// ten million rows is found in ten thousand records. A settled row has a record
// in failed, or else in done. A record in done outlives its pass: it tells the
// next one what was copied.
//
// A pin is {1: size, 2: ETag, 3: version, 4: sum, 5: local, 6: [s, ns] modified,
// 7: content type, 8: cache control, 9: content disposition, 10: content
// encoding, 11: content language, 12: expires, 13: storage class, 14: user
// metadata}; a sum is [algorithm, bytes].
//
// A reader refuses a format version above its own. Fields may be added to maps
// within a version, for a reader skips those that it does not know.
package manifest
