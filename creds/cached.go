package creds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cached shares what a Provider fetches with other processes of the same user,
// through a file. A process that is started for each request, such as a
// credential_process, then does not log in each time.
//
// The file is named after a digest of the identity and holds the keys, readable
// by its owner alone. A lock beside it is held while one process fetches, so that
// the others find its keys. A file that cannot be read or written costs a fetch
// and nothing else.
type cached struct {
	Provider
	path string
	last string // the access key id given out last
}

// Cached keeps what p fetches in a file in the folder dir, which is made when it
// is needed, and takes keys from there as long as a Keeper would not renew them.
// Keys that cannot be renewed or do not say when they die are not kept, and no
// keys are taken from the file twice: whoever asks again does so because those
// are of no use any more.
func Cached(p Provider, dir string) Provider {
	known, ok := p.(interface{ identity() []string })
	if !ok {
		return p
	}
	id := known.identity()
	slices.Sort(id[1:])
	sum := sha256.Sum256([]byte(strings.Join(id, "\x00")))
	return &cached{Provider: p, path: filepath.Join(dir, id[0]+"-"+hex.EncodeToString(sum[:16])+".json")}
}

func (c *cached) fetchTimeout() time.Duration { return fetchLimit(c.Provider) }

// Fetch takes keys from the file if they are good for a while, or else from the
// Provider.
func (c *cached) Fetch(ctx context.Context) (Keys, error) {
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err == nil {
		unlock := lockFile(ctx, strings.TrimSuffix(c.path, ".json")+".lock")
		defer unlock()
	}
	if k, ok := c.read(time.Now()); ok && k.AccessKeyID != c.last {
		c.last = k.AccessKeyID
		return k, nil
	}
	k, err := c.Provider.Fetch(ctx)
	if err != nil {
		return Keys{}, err
	}
	c.last = k.AccessKeyID
	if now := time.Now(); k.Renewable && !k.Anonymous && k.check(now) == nil && k.life(now) > 0 {
		_ = c.write(k.local(now), k.life(now)) // without it the next process fetches
	}
	return k, nil
}

// A cachedFile is the form of the file. Version, the names of the keys and
// Expiration are those of credential_process.
type cachedFile struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string `json:",omitempty"`
	AccountID       string `json:"AccountId,omitempty"`
	Expiration      time.Time
	Life            time.Duration // what they had left on arrival
	From            string
}

// read returns the keys in the file if they are younger than any pace renews.
func (c *cached) read(now time.Time) (Keys, bool) {
	data, _, err := readPrivate(c.path)
	if err != nil {
		return Keys{}, false
	}
	var f cachedFile
	if json.Unmarshal(data, &f) != nil || f.Version != 1 || f.AccessKeyID == "" || f.SecretAccessKey == "" {
		return Keys{}, false
	}
	left := f.Expiration.Sub(now)
	if renew := (pace{f.Life}).renewAfter(0); left <= f.Life-renew || left > f.Life {
		return Keys{}, false
	}
	return Keys{
		AccessKeyID: f.AccessKeyID, SecretAccessKey: NewSecret(f.SecretAccessKey), SessionToken: NewSecret(f.SessionToken),
		AccountID: f.AccountID, Expires: f.Expiration, Renewable: true, From: f.From,
	}, true
}

// write puts keys into the file, whole or not at all.
func (c *cached) write(k Keys, life time.Duration) (err error) {
	data, err := json.Marshal(cachedFile{ //nolint:gosec // the user asked for this file
		1, k.AccessKeyID, k.SecretAccessKey.Reveal(), k.SessionToken.Reveal(), k.AccountID, k.Expires.UTC(), life, k.From,
	})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), ".new-*") // readable by its owner alone
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
