package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xfer/creds"
	"xfer/store/s3store"
)

func credsCheckCommand(stdout io.Writer, s *screen) *cobra.Command {
	var opt options
	var write bool
	cmd := &cobra.Command{
		Use:   "check [flags] SPEC [s3://BUCKET/PREFIX]",
		Short: "Tell what a SPEC gives, and try what a job will need",
		Long: `Tell who hands out the keys of a SPEC, which login was used, how long the keys
live, and whether somebody has to renew them by hand. With a place, ask where its
bucket is, list what begins so, and read one byte of it; an EO DataHub workspace
is asked for its place if none is named. Nothing is written unless --write is
given, which begins an upload there and ends it at once.`,
		Example: `  xfer creds check earthdata s3://podaac-ops-cumulus-protected/MUR-JPL-L4-GLOB-v4.1/
  xfer creds check --write eodh:my-workspace`,
		Args: specAndPlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			return opt.checkKeys(cmd, args, write, stdout, s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.source.endpoint, "endpoint", "", "`URL` of the S3 service (default: AWS)")
	f.StringVar(&opt.source.region, "region", "", "`REGION` of the bucket (default: found out)")
	f.BoolVar(&opt.requesterPays, "requester-pays", false, "agree to pay for what is tried")
	f.BoolVar(&opt.allowHTTP, "allow-http", false, "send credentials over plain http to hosts other than this one")
	f.BoolVar(&write, "write", false, "try to write as well: begin an upload below the place, and end it")
	opt.keyFlags(cmd)
	return cmd
}

func (o *options) checkKeys(cmd *cobra.Command, args []string, write bool, stdout io.Writer, s *screen) error {
	ctx, flags := cmd.Context(), cmd.Flags()
	if err := fromEnvironment(flags); err != nil {
		return err
	}
	if err := o.apply(flags); err != nil {
		return err
	}
	// SPEC and the flags are the source's, so that places speak of them.
	o.source.creds = args[0]
	for given, as := range map[string]string{"endpoint": "source-endpoint", "region": "source-region"} {
		o.given[as] = o.given[given]
	}
	o.given["source-creds"] = true
	var c check
	if len(args) > 1 {
		c.at = args[1]
		c.bucket, c.key, _ = s3store.ParsePlace(c.at) // checked with the arguments
	}
	c.reach, c.opt, c.out = o.reach(sourceSide, c.bucket, c.key), o, stdout

	began := time.Now()
	k, life, err := o.fetchOnce(ctx, args[0], c.bucket)
	if err != nil {
		return err
	}
	c.keys = k
	if err := c.tellKeys(life, time.Since(began)); err != nil {
		return err
	}
	if c.at == "" {
		if err := c.findPlace(ctx, args[0]); err != nil || c.at == "" {
			return err
		}
	}
	err = c.tryPlace(ctx)
	if err == nil && write {
		err = c.tryWrite(ctx, s)
	}
	return err
}

// A check is one try of keys on a place.
type check struct {
	opt         *options
	reach       reach
	keys        creds.Keys
	at          string // the place; "" for none
	bucket, key string // of the place
	out         io.Writer
}

// say prints one finding.
func (c *check) say(what, format string, args ...any) error {
	_, err := fmt.Fprintf(c.out, "%-8s %s\n", what, harmless(fmt.Sprintf(format, args...)))
	return written(err)
}

func (c *check) tellKeys(life, took time.Duration) error {
	k := c.keys
	if k.Anonymous {
		return c.say("keys", "none: requests go unsigned")
	}
	id := k.AccessKeyID
	err := c.say("keys", "…%s from %s, in %s", id[max(0, len(id)-4):], k.From, took.Round(time.Millisecond))
	if err != nil {
		return err
	}
	switch {
	case life == 0 && !k.Renewable:
		return c.say("life", "they do not say when they end; when they do, put new ones there")
	case life == 0:
		return c.say("life", "they do not say when they end")
	case !k.Renewable:
		hint := k.Hint
		if hint == "" {
			hint = "put new ones there before; a job goes on by itself"
		}
		return c.say("life", "%s, until %s, and xfer cannot renew them: %s", spell(life), k.Expires.Local().Format(time.DateTime), hint)
	}
	return c.say("life", "%s; xfer renews them before they end", spell(life))
}

// findPlace asks a vendor that knows it for the place that its keys are for.
func (c *check) findPlace(ctx context.Context, text string) error {
	spec, err := creds.Parse(text)
	if err != nil || spec.Kind != "eodh" {
		return nil // no other vendor tells; the spec itself has been read before
	}
	w, err := creds.FindWorkspace(ctx, spec, creds.Options{Version: agentVersion})
	if err != nil {
		return noKeys{err}
	}
	c.at, c.bucket, c.key = w.Place(), w.Bucket, w.Prefix
	c.reach = c.opt.reach(sourceSide, c.bucket, c.key)
	if c.reach.region == "" && c.reach.endpoint == "" {
		c.reach.region = w.Region
	}
	if w.AccessPoint == "" {
		return c.say("place", "%s in %s", c.at, w.Region)
	}
	return c.say("place", "%s in %s, or s3://%s/%s", c.at, w.Region, w.AccessPoint, w.Prefix)
}

// tryPlace tries what reading needs.
func (c *check) tryPlace(ctx context.Context) error {
	if err := c.tellRegion(ctx); err != nil {
		return err
	}
	store, err := c.store(c.reach)
	if err != nil {
		return err
	}
	first, found, err := firstBelow(ctx, store, c.at)
	switch {
	case err != nil && (c.key == "" || strings.HasSuffix(c.key, "/")):
		return c.diagnose(ctx, "list", err)
	case err != nil: // keys may read what they may not list
		if told := c.say("list", "%s: no: %v", c.at, err); told != nil {
			return told
		}
		first.Place = c.at
	case !found:
		return c.say("list", "%s: works, and there is nothing", c.at)
	default:
		if told := c.say("list", "%s: works, first is %s", c.at, first.Key); told != nil {
			return told
		}
	}
	if err := readByte(ctx, store, first); err != nil {
		return c.diagnose(ctx, "read", err)
	}
	return c.say("read", "%s: works", first.Place)
}

func (c *check) tellRegion(ctx context.Context) error {
	told, err := bucketRegion(ctx, c.reach.endpoint, c.reach.region, c.bucket)
	switch {
	case err != nil:
		return c.say("region", "not known: %v", err)
	case told == "":
		return c.say("region", "the service does not say where the bucket is")
	case c.reach.region != "" && c.reach.region != told:
		return c.say("region", "%s, not %s as configured: name the right one, or none and it is found out", told, c.reach.region)
	}
	return c.say("region", "%s", told)
}
