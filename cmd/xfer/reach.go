package main

import (
	"cmp"

	"xfer/creds"
)

// A reach is how the places of one side are reached. Places with the same reach
// share one set of keys and one S3 client.
type reach struct {
	side        string
	creds       string
	vendor      string // where bare "earthdata" gets its keys for the bucket; else ""
	endpoint    string
	region      string
	payer       bool
	connections int // at once; 0 is no limit
}

// identity is what of a reach decides which keys serve it.
type identity struct{ side, creds, vendor string }

func (r reach) identity() identity { return identity{r.side, r.creds, r.vendor} }

// reach says how to reach an S3 place, by the rule of precedence: what was given
// for the side by hand, in the environment or by the job stands, then the places
// of the config file fill what they say, then the rest of the config file and the
// defaults.
func (o *options) reach(sideName, bucket, key string) reach {
	s, prefix := o.source, "source"
	if sideName == destinationSide {
		s, prefix = o.dest, "dest"
	}
	r := reach{side: sideName}
	var payer *bool
	for i := range o.places {
		b := &o.places[i]
		if !b.covers(sideName, bucket, key) {
			continue
		}
		r.creds, r.endpoint, r.region = cmp.Or(r.creds, b.Creds), cmp.Or(r.endpoint, b.Endpoint), cmp.Or(r.region, b.Region)
		r.connections = cmp.Or(r.connections, b.Connections)
		if payer == nil {
			payer = b.RequesterPays
		}
	}
	pick := func(name string, bound *string, own string) {
		if o.given[prefix+"-"+name] || *bound == "" {
			*bound = own
		}
	}
	pick("creds", &r.creds, s.creds)
	pick("endpoint", &r.endpoint, s.endpoint)
	pick("region", &r.region, s.region)
	r.payer = o.requesterPays
	if payer != nil && !o.given["requester-pays"] {
		r.payer = *payer
	}
	r.payer = r.payer && sideName == sourceSide
	r.earthdata(bucket)
	return r
}

// earthdata fills in what is known of NASA's buckets.
func (r *reach) earthdata(bucket string) {
	spec, err := creds.Parse(r.creds)
	if err != nil || spec.Kind != "earthdata" {
		return
	}
	known, ok := creds.EarthdataEndpoint(bucket)
	switch {
	case !ok && spec.String() == "earthdata":
		r.vendor = "?" + bucket // which has no keys, and says so
	case !ok:
		return
	case spec.String() == "earthdata":
		r.vendor = known.URL
	}
	if ok && r.region == "" && r.endpoint == "" {
		r.region = known.Region
	}
}
