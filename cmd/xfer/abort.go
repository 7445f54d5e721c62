package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"xfer/creds"
	"xfer/engine"
	"xfer/manifest"
)

func abortCommand(s *screen) *cobra.Command {
	var opt options
	cmd := &cobra.Command{
		Use:   "abort [flags] JOB",
		Short: "End a job's open uploads and remove its partial files",
		Long: `End the uploads that a job has begun and not completed, so that their parts
cost nothing, and remove its partial files. Objects already copied stay. The job
file stays too: the same copy goes on with what is left, from each object's start.`,
		Args: oneJob,
		RunE: func(cmd *cobra.Command, args []string) error {
			return abort(cmd, &opt, s, jobPath(args[0]))
		},
	}
	opt.sideFlags(cmd.Flags())
	return cmd
}

func abort(cmd *cobra.Command, opt *options, s *screen, path string) (err error) {
	ctx := cmd.Context()
	job, err := manifest.Open(ctx, path, manifest.Options{Command: "xfer abort"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, job.Close()) }()
	info := job.Info()
	if err := fromEnvironment(cmd.Flags()); err != nil {
		return err
	}
	if err := recall(cmd.Flags(), info.Settings); err != nil {
		return err
	}
	if err := opt.apply(cmd.Flags()); err != nil {
		return err
	}
	dst, err := jobDestination(info)
	if err != nil {
		return err
	}
	stores := newStores(opt, dst, slog.New(slog.DiscardHandler), func(e creds.Event) {
		if e.Kind == creds.Paused {
			s.say("xfer: waiting: no valid %s keys: %s%s", e.Keeper, e.Why, withHint(e.Hint))
		}
	})
	defer stores.close()
	ended, left, err := abortAll(ctx, job, destination{stores}, s)
	s.say("%s ended, %d left", uploads(ended), left)
	if err == nil && left > 0 {
		err = errIncomplete
	}
	return err
}

// abortAll ends the open uploads of a job one after the other. One that cannot
// be ended is told and stays in the job.
func abortAll(ctx context.Context, job *manifest.Job, dst engine.Destination, s *screen) (ended, left int, err error) {
	for after := uint64(0); ; {
		page, err := job.Uploads(ctx, after)
		if err != nil || len(page) == 0 {
			return ended, left, err
		}
		for _, u := range page {
			after = u.ID
			n := 1
			if u.Upload.ID == "" {
				n, err = dst.Sweep(ctx, u.Destination, u.Intended)
			} else {
				err = dst.Abort(ctx, u.Upload)
			}
			switch {
			case errors.Is(err, engine.ErrNoKeys):
				return ended, left, err
			case err != nil:
				s.say("xfer: %s: %v", u.Destination, err)
				left++
				continue
			}
			ended += n
			if err := job.Forget(ctx, u.ID); err != nil {
				return ended, left, err
			}
		}
	}
}

func uploads(n int) string {
	if n == 1 {
		return "1 upload"
	}
	return fmt.Sprintf("%d uploads", n)
}
