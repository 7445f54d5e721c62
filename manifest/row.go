package manifest

// A Row is one line of a list, as it stands there.
type Row struct {
	Line        int64  // from 1; for a stream that has no lines, the number of the row
	Source      string // raw, not percent-encoded
	Destination string // likewise; "" when the line gives none
}

// A place is a resolved row: what is stored.
type place struct {
	line        int64
	source      string
	destination string
}
