package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xfer/creds"
	"xfer/engine"
	"xfer/store/s3store"
)

const keysExitCodes = `Exit codes:
  0  there are keys, and what was tried worked
  1  could not run: usage, config, or a bucket that is not there
  4  keys cannot be had, or do not open the place`

func credsCommand(stdout io.Writer, s *screen) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "creds",
		Short: "Try credentials, or hand them to other tools",
		Long: `Try credentials, or hand them to other tools. SPEC is what --source-creds takes:
` + creds.Forms,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command creds %q; there are check, process, export and serve", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetHelpTemplate(helpTemplate(keysExitCodes))
	cmd.AddCommand(credsCheckCommand(stdout, s), credsProcessCommand(stdout), credsExportCommand(stdout), credsServeCommand(stdout, s))
	return cmd
}

func credsProcessCommand(stdout io.Writer) *cobra.Command {
	var opt options
	cmd := &cobra.Command{
		Use:   "process [flags] SPEC [s3://BUCKET/]",
		Short: "Print keys as a credential_process does, for AWS tools",
		Long: `Print keys as AWS tools want them from a credential_process. In ~/.aws/config:

  [profile granules]
  credential_process = /usr/local/bin/xfer creds process --cache earthdata:https://HOST/s3credentials

Those tools run the command again and again; with --cache it keeps the keys in a
file that only you can read, and logs in only when they get old. The bucket is
for SPECs that choose by it where to get keys, which is bare earthdata.`,
		Args: specAndPlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			k, _, err := opt.once(cmd, args)
			if err != nil {
				return err
			}
			return printProcess(stdout, k)
		},
	}
	opt.keyFlags(cmd)
	return cmd
}

func credsExportCommand(stdout io.Writer) *cobra.Command {
	var opt options
	cmd := &cobra.Command{
		Use:     "export [flags] SPEC [s3://BUCKET/]",
		Short:   "Print keys as lines for a shell",
		Long:    "Print keys as lines for a shell. They are of use until they die; process renews.",
		Example: `  eval "$(xfer creds export eodh:my-workspace)"`,
		Args:    specAndPlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			k, _, err := opt.once(cmd, args)
			if err != nil {
				return err
			}
			return printExport(stdout, k)
		},
	}
	opt.keyFlags(cmd)
	return cmd
}

func specAndPlace(_ *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return usagef("name one SPEC, and at most one s3:// place")
	}
	if _, err := creds.Parse(args[0]); err != nil {
		return usagef("%v", err)
	}
	if len(args) > 1 {
		if _, _, err := s3store.ParsePlace(args[1]); err != nil {
			return usagef("%v", err)
		}
	}
	return nil
}

// keyFlags are those of every creds command.
func (o *options) keyFlags(cmd *cobra.Command) {
	o.cacheFlag(cmd.Flags())
	o.configFlag(cmd.Flags())
}

// once gets one set of keys for the arguments of a creds command.
func (o *options) once(cmd *cobra.Command, args []string) (creds.Keys, time.Duration, error) {
	if err := fromEnvironment(cmd.Flags()); err != nil {
		return creds.Keys{}, 0, err
	}
	if err := o.apply(cmd.Flags()); err != nil {
		return creds.Keys{}, 0, err
	}
	bucket := ""
	if len(args) > 1 {
		bucket, _, _ = s3store.ParsePlace(args[1]) // checked with the arguments
	}
	k, life, err := o.fetchOnce(cmd.Context(), args[0], bucket)
	if err == nil && k.Anonymous {
		err = usagef("anonymous has no keys")
	}
	return k, life, err
}

// onceWithin is how long a creds command tries. AWS tools give a credential_process
// a minute.
const onceWithin = 50 * time.Second

func (o *options) fetchOnce(ctx context.Context, spec, bucket string) (creds.Keys, time.Duration, error) {
	provider, err := o.provider(ctx, spec, bucket)
	if err != nil {
		return creds.Keys{}, 0, noKeys{err}
	}
	ctx, cancel := context.WithTimeout(ctx, onceWithin)
	defer cancel()
	k, life, err := creds.Once(ctx, provider)
	if err != nil {
		return creds.Keys{}, 0, noKeys{err}
	}
	return k, life, nil
}

// provider opens what a spec stands for, behind the cache if that is asked for.
func (o *options) provider(ctx context.Context, text, bucket string) (creds.Provider, error) {
	spec, err := creds.Parse(text)
	if err != nil {
		return nil, err
	}
	p, err := creds.Open(ctx, spec, creds.Options{Bucket: bucket, Version: agentVersion})
	if err != nil || !o.cache {
		return p, err
	}
	dir, err := cacheDir()
	if err != nil {
		return nil, fmt.Errorf("choose cache: %w", err)
	}
	return creds.Cached(p, dir), nil
}

// cacheDir is where keys are kept when that is asked for (XDG base directory
// specification).
func cacheDir() (string, error) {
	dir := os.Getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "xfer"), nil
}

// noKeys marks an error as one of obtaining keys, without a word of its own.
type noKeys struct{ error }

func (e noKeys) Unwrap() []error { return []error{engine.ErrNoKeys, e.error} }

// printProcess writes keys in the form of credential_process: see "Sourcing
// credentials with an external process" in the AWS CLI user guide.
func printProcess(w io.Writer, k creds.Keys) error {
	out := struct {
		Version         int
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
		AccountID       string `json:"AccountId,omitempty"`
	}{
		Version: 1, AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey.Reveal(), SessionToken: k.SessionToken.Reveal(),
		AccountID: k.AccountID,
	}
	if !k.Expires.IsZero() {
		out.Expiration = k.Expires.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return written(enc.Encode(out)) //nolint:gosec // giving keys out is what was asked for
}

// printExport writes keys as lines that a POSIX shell evaluates. What the keys
// do not have is unset, so that nothing of older ones stays.
func printExport(w io.Writer, k creds.Keys) error {
	var b strings.Builder
	line := func(name, value string) {
		if value == "" {
			fmt.Fprintf(&b, "unset %s\n", name)
			return
		}
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	line("AWS_ACCESS_KEY_ID", k.AccessKeyID)
	line("AWS_SECRET_ACCESS_KEY", k.SecretAccessKey.Reveal())
	line("AWS_SESSION_TOKEN", k.SessionToken.Reveal())
	expires := ""
	if !k.Expires.IsZero() {
		expires = k.Expires.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	line("AWS_CREDENTIAL_EXPIRATION", expires)
	_, err := io.WriteString(w, b.String())
	return written(err)
}

// written says where an output error happened.
func written(err error) error {
	if err == nil {
		return nil
	}
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("write standard output: %w", err)
}
