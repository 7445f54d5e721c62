package s3sim

import "io"

// ParseRange opens parseRange to the external tests.
func ParseRange(value string, size int64) (from, to int64, ok bool, err error) {
	r, ok, err := parseRange(value, size)
	return r.start, r.end, ok, err
}

// ReadChunked decodes an aws-chunked body whose chunks are signed with the given
// request; an empty secret is for unsigned ones.
func ReadChunked(r io.Reader, trailing bool, secret, day, region, time, seed string) ([]byte, map[string][]string, error) {
	var sign *chunkSigner
	if secret != "" {
		sc := scope{day, region, "s3"}
		sign = &chunkSigner{key: deriveKey(secret, sc), time: time, scope: sc, previous: seed, content: SHA256.new()}
	}
	d := newChunkedReader(r, sign, trailing)
	data, err := io.ReadAll(d)
	return data, d.trailers, err
}
