package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"xfer/manifest"
)

func resumeCommand(stdout io.Writer, s *screen) *cobra.Command {
	var opt options
	cmd := &cobra.Command{
		Use:   "resume [flags] JOB",
		Short: "Go on with a job file",
		Long: `Go on with the job that a job file holds, as the copy that began it would. Its
list is not read again, and its flags are remembered; those given here count
more and are remembered instead.

` + precedence,
		Args: oneJob,
		RunE: func(cmd *cobra.Command, args []string) error {
			return resume(cmd, &opt, stdout, s, jobPath(args[0]))
		},
	}
	opt.sideFlags(cmd.Flags())
	opt.workFlags(cmd.Flags())
	return cmd
}

func resume(cmd *cobra.Command, opt *options, stdout io.Writer, s *screen, path string) (err error) {
	ctx, flags := cmd.Context(), cmd.Flags()
	if err := fromEnvironment(flags); err != nil {
		return err
	}
	given := settings(flags)
	job, err := manifest.Open(ctx, path, manifest.Options{Command: "xfer resume"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, job.Close()) }()
	info := job.Info()
	if !info.Whole {
		return hintedError{
			errors.New("resume job: its list was not read to the end"),
			"run the copy that began it again, with the same list",
		}
	}
	if err := recall(flags, info.Settings); err != nil {
		return err
	}
	kept := settings(flags)
	if err := opt.settle(flags); err != nil {
		return err
	}
	if len(given) > 0 {
		if err := job.Remember(ctx, kept); err != nil {
			return err
		}
	}
	dst, err := jobDestination(info)
	if err != nil {
		return err
	}
	if err := job.Start(ctx); err != nil {
		return err
	}
	run := &session{opt: opt, job: job, path: path, dst: dst, screen: s}
	return run.run(ctx, stdout)
}
