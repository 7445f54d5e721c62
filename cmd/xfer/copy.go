package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"
)

func copyCommand(stdin io.Reader, stdout io.Writer, s *screen) *cobra.Command {
	var opt options
	cmd := &cobra.Command{
		Use:   "copy [flags] SRC DST\n  xfer copy [flags] --manifest LIST [DST]",
		Short: "Copy what a list names, or a place; the same command goes on",
		Long: `Copy what a list names, or one object, or all below an S3 prefix or a directory.
Running the same command again goes on where the last run ended, whatever ended
it; of a job that is finished, it copies what is new or has changed.

Places are s3://bucket/key (the raw key, not percent-encoded), file:///path, and
local paths. What ends in / is all below it. A row of a list goes to the place
after its TAB, or to DST followed by its whole key.

Logins come from the environment and from files, never from flags.

` + configHelp,
		Example: `  xfer copy --manifest granules.txt --source-creds earthdata:https://HOST/s3credentials s3://my-bucket/granules/
  xfer copy --manifest list.txt --source-endpoint https://a.example --source-creds env:OLD \
            --dest-endpoint https://b.example --dest-creds env:NEW s3://new/
  xfer copy s3://bucket/2024/ /data/2024
  xfer copy results/ s3://bucket/results/`,
		Args: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			return copyPlaces(cmd, &opt, args, stdin, stdout, s)
		},
	}
	opt.listFlags(cmd.Flags())
	opt.sideFlags(cmd.Flags())
	opt.workFlags(cmd.Flags())
	return cmd
}

func copyPlaces(cmd *cobra.Command, opt *options, args []string, stdin io.Reader, stdout io.Writer, s *screen) (err error) {
	ctx, flags := cmd.Context(), cmd.Flags()
	if err := fromEnvironment(flags); err != nil {
		return err
	}
	kept := settings(flags) // what the config file says may change under a job
	if err := opt.settle(flags); err != nil {
		return err
	}
	q, err := newRequest(opt, kept, args, stdin)
	if err != nil {
		return err
	}
	path, err := q.path()
	if err != nil {
		return err
	}
	job, err := q.open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, job.Close()) }()
	tellChange(s, job.Change())
	if err := job.Start(ctx); err != nil {
		return err
	}
	run := &session{opt: opt, job: job, path: path, dst: q.tree(), screen: s}
	if q.streams() {
		run.rows = q.rows
	}
	return run.run(ctx, stdout)
}

// tree is the folder that holds all destinations of q without their own.
func (q *request) tree() *place {
	if q.single {
		return nil
	}
	return q.dst
}
