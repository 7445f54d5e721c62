package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"xfer/manifest"
)

// published is what a running xfer shows to others through its lock file.
type published struct {
	Objects  int64 `json:"objects"`
	Settled  int64 `json:"settled"`
	Failed   int64 `json:"failed"`
	Bytes    int64 `json:"bytes"` // arrived in this run
	InFlight int64 `json:"in_flight"`
}

const publishEvery = 2 * time.Second

// publish keeps the note beside the job file fresh until ctx ends. A note that
// cannot be written costs only those who would have read it.
func publish(ctx context.Context, job *manifest.Job, p *progress) {
	tick := time.NewTicker(publishEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t := job.Totals()
			note, err := json.Marshal(published{
				Objects: t.Rows, Settled: t.Rows - t.Pending(), Failed: t.Failed,
				Bytes: p.count.Recorded.Load() - p.count.Resumed.Load(), InFlight: p.count.InFlight.Load(),
			})
			if err == nil {
				_ = job.Publish(note)
			}
		case <-ctx.Done():
			return
		}
	}
}

// A jobStatus is what status --json prints.
type jobStatus struct {
	Job         string `json:"job"`
	List        string `json:"list,omitempty"`
	Destination string `json:"destination,omitempty"`
	State       string `json:"state"` // running, unfinished, finished
	Pass        int64  `json:"pass,omitempty"`
	Total       int64  `json:"total"`
	Copied      int64  `json:"copied"`
	Skipped     int64  `json:"skipped"`
	Failed      int64  `json:"failed"`
	Pending     int64  `json:"pending"`
	Bytes       int64  `json:"bytes"`
	Uploads     int    `json:"open_uploads"`
	Holder      string `json:"holder,omitempty"`
}

// A failureLine is one failed object of status --failed --json.
type failureLine struct {
	Line        int64  `json:"line,omitempty"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Error       string `json:"error"`
}

func statusCommand(stdout io.Writer) *cobra.Command {
	var failed, asJSON bool
	cmd := &cobra.Command{
		Use:   "status [flags] JOB",
		Short: "Tell where a job stands, also while it runs",
		Long: `Tell where a job stands: how many objects are there, which failed and why.
JOB is a job file, or the list it belongs to. Nothing is changed or sent.`,
		Args: oneJob,
		RunE: func(cmd *cobra.Command, args []string) error {
			return status(cmd.Context(), stdout, jobPath(args[0]), failed, asJSON)
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "name the objects that failed, and why")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func status(ctx context.Context, w io.Writer, path string, failed, asJSON bool) error {
	if holder, running, err := manifest.ReadHolder(path); err != nil {
		return err
	} else if running {
		return printRunning(w, path, holder, failed, asJSON)
	}
	job, err := manifest.Inspect(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = job.Close() }() // nothing was written
	if failed {
		return printFailed(ctx, w, job, asJSON)
	}
	t, info := job.Totals(), job.Info()
	s := jobStatus{
		Job: path, List: info.List, Destination: info.Destination, State: "unfinished", Pass: t.Pass,
		Total: t.Rows, Copied: t.Copied, Skipped: t.Skipped, Failed: t.Failed, Pending: t.Pending(), Bytes: t.Bytes,
	}
	if t.Finished() && info.Whole {
		s.State = "finished"
	}
	for after := uint64(0); ; {
		page, err := job.Uploads(ctx, after)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		s.Uploads += len(page)
		after = page[len(page)-1].ID
	}
	if asJSON {
		return json.NewEncoder(w).Encode(s)
	}
	fmt.Fprintf(w, "%s: %s\n", path, s.State)
	fmt.Fprintf(w, "  %s: %s copied (%s), %s unchanged, %s failed, %s left\n", objects(s.Total), humanize.Comma(s.Copied),
		humanize.IBytes(uint64(s.Bytes)), humanize.Comma(s.Skipped), humanize.Comma(s.Failed), humanize.Comma(s.Pending))
	if s.Uploads > 0 {
		fmt.Fprintf(w, "  %s begun and not complete; the next run goes on with them, xfer abort ends them\n", objects(int64(s.Uploads)))
	}
	if s.Failed > 0 {
		fmt.Fprintf(w, "  which and why: xfer status --failed %s\n", path)
	}
	return nil
}

// printRunning shows a job that another process has open.
func printRunning(w io.Writer, path string, h manifest.Holder, failed, asJSON bool) error {
	if failed {
		return hintedError{
			fmt.Errorf("list failed objects: %w: %s", manifest.ErrInUse, h),
			"they can be listed when the run has ended; until then it prints each as it fails",
		}
	}
	var p published
	if len(h.Progress) > 0 {
		if err := json.Unmarshal(h.Progress, &p); err != nil {
			return fmt.Errorf("read progress of %s: %w", h, err)
		}
	}
	if asJSON {
		return json.NewEncoder(w).Encode(jobStatus{
			Job: path, State: "running", Holder: h.String(), Total: p.Objects, Failed: p.Failed,
			Copied: p.Settled - p.Failed, Pending: p.Objects - p.Settled, Bytes: p.Bytes,
		})
	}
	fmt.Fprintf(w, "%s: running (%s)\n", path, h)
	if p.Objects > 0 {
		fmt.Fprintf(w, "  %s of %s settled, %s failed, %s arrived in this run, %d parts in flight\n", humanize.Comma(p.Settled),
			objects(p.Objects), humanize.Comma(p.Failed), humanize.IBytes(uint64(p.Bytes)), p.InFlight)
	}
	return nil
}

func printFailed(ctx context.Context, w io.Writer, job *manifest.Job, asJSON bool) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for after := uint64(0); ; {
		page, err := job.Failed(ctx, after)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for _, f := range page {
			after = f.ID
			if asJSON {
				err = enc.Encode(failureLine{f.Line, f.Source, f.Destination, f.Reason})
			} else {
				_, err = fmt.Fprintln(w, harmless(fmt.Sprintf("%s: %s", f.Source, f.Reason)))
			}
			if err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
}

// oneJob asks for exactly one job file.
func oneJob(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("name one job file (found beside the list, with .xfer at its end)")
	}
	return nil
}
