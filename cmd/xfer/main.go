package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"xfer/engine"
)

func main() { os.Exit(xfer(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// xfer runs one command line and gives its exit code.
func xfer(args []string, stdin io.Reader, stdout io.Writer, stderr *os.File) int {
	keepSecretsOutOfCores()
	s := newScreen(stderr)
	root := rootCommand(stdin, stdout, s)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(context.Background())
	if err != nil && !summarised(err) {
		s.say("xfer: %v", err)
		if h := hint(err); h != "" {
			s.say("  %s", h)
		}
	}
	return exitCode(err)
}

// helpTemplate is a command's help with its exit codes at the end.
func helpTemplate(exitCodes string) string {
	return "{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}\n\n{{end}}{{.UsageString}}\n" + exitCodes + "\n"
}

// summarised reports whether a run's summary has said all there is to say of err.
func summarised(err error) bool {
	return errors.Is(err, errIncomplete) || errors.Is(err, engine.ErrStopped)
}

func rootCommand(stdin io.Reader, stdout io.Writer, s *screen) *cobra.Command {
	root := &cobra.Command{
		Use:   "xfer",
		Short: "Copy what a list names, however long it takes",
		Long: `xfer copies what a list names from one place to another: between S3 services
with different keys on each side that may expire at any time, and between S3 and
disk. It keeps what it has done in a job file beside the list, so that the same
command goes on after a crash, an interrupt, or a night without keys.

  xfer copy --manifest list.txt s3://bucket/prefix/`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetHelpTemplate(helpTemplate(exitCodes))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err.Error()} })
	root.AddCommand(
		copyCommand(stdin, stdout, s),
		resumeCommand(stdout, s),
		statusCommand(stdout),
		abortCommand(s),
		credsCommand(stdout, s),
		versionCommand(stdout),
	)
	return root
}

func versionCommand(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(stdout, "xfer", version())
			return err
		},
	}
}
