package creds

import (
	_ "embed"
	"strings"
)

// bucketTable has a bucket, a tab and the URL of its /s3credentials in each line.
// Its source are the DirectDistributionInformation records of NASA's Common
// Metadata Repository, https://cmr.earthdata.nasa.gov.
//
//go:embed buckets.tsv
var bucketTable string

// An Endpoint is where the keys of a bucket come from, and where the bucket is.
type Endpoint struct {
	URL    string // of /s3credentials
	Region string // AWS region of the bucket; the keys work only from inside it
}

// EarthdataEndpoint finds a bucket of NASA's Earthdata Cloud in the embedded
// table. All of them are in us-west-2.
func EarthdataEndpoint(bucket string) (Endpoint, bool) {
	for line := range strings.Lines(bucketTable) {
		if name, address, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && name == bucket {
			return Endpoint{URL: address, Region: "us-west-2"}, true
		}
	}
	return Endpoint{}, false
}
