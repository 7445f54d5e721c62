package main

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/BurntSushi/toml"

	"xfer/creds"
	"xfer/store/s3store"
)

// A binding is a [[place]] of the config file: how to reach the S3 places that
// begin as it says. Its zero fields say nothing.
type binding struct {
	Match         string `toml:"match"`
	Side          string `toml:"side"`
	Creds         string `toml:"creds"`
	Endpoint      string `toml:"endpoint"`
	Region        string `toml:"region"`
	RequesterPays *bool  `toml:"requester-pays"`
	Connections   int    `toml:"connections"`

	bucket string // of Match; may hold the wildcards of path.Match
	prefix string // of Match: what a key begins with
}

// parsePlaces reads the [[place]] tables.
func (c *config) parsePlaces(text string) error {
	var file struct {
		Place []binding `toml:"place"`
	}
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return err
	}
	for _, key := range meta.Undecoded() {
		if key[0] == "place" {
			return fmt.Errorf("unknown key %q in a [[place]]", key[len(key)-1])
		}
	}
	for i := range file.Place {
		if err := file.Place[i].check(); err != nil {
			return fmt.Errorf("[[place]] %d: %w", i+1, err)
		}
	}
	c.places = file.Place
	return nil
}

// check refuses what cannot be meant and takes Match apart.
func (b *binding) check() error {
	rest, ok := strings.CutPrefix(b.Match, "s3://")
	if !ok {
		return fmt.Errorf("match: %q does not begin with s3://", b.Match)
	}
	if strings.HasPrefix(rest, "arn:") {
		bucket, prefix, err := s3store.ParsePlace(b.Match)
		if err != nil {
			return fmt.Errorf("match: %w", err)
		}
		b.bucket, b.prefix = bucket, prefix
	} else {
		b.bucket, b.prefix, _ = strings.Cut(rest, "/")
	}
	switch {
	case b.bucket == "":
		return fmt.Errorf("match: %q names no bucket", b.Match)
	case strings.ContainsAny(b.prefix, "*?["):
		return fmt.Errorf("match: %q: only the bucket may have wildcards; what follows is what keys begin with", b.Match)
	}
	if _, err := path.Match(b.bucket, ""); err != nil {
		return fmt.Errorf("match: %q: %w", b.Match, err)
	}
	if b.Side != "" && b.Side != "source" && b.Side != "dest" {
		return fmt.Errorf("side: %q is neither source nor dest", b.Side)
	}
	if b.Creds != "" {
		if _, err := creds.Parse(b.Creds); err != nil {
			return fmt.Errorf("creds: %w", err)
		}
	}
	if b.Connections < 0 || b.Connections > 1024 {
		return errors.New("connections: must be a number from 1 to 1024")
	}
	return nil
}

// covers reports whether b speaks of this bucket and key on a side.
func (b *binding) covers(side, bucket, key string) bool {
	if b.Side == "source" && side != sourceSide || b.Side == "dest" && side != destinationSide {
		return false
	}
	ok := b.bucket == bucket
	if !ok && !strings.HasPrefix(b.bucket, "arn:") {
		ok, _ = path.Match(b.bucket, bucket)
	}
	return ok && strings.HasPrefix(key, b.prefix)
}
