package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"xfer/creds"
	"xfer/engine"
	"xfer/manifest"
)

// A summary is the last word on a run. Objects are the journal's count of the
// whole job; bytes and seconds are this run's.
type summary struct {
	Event   string `json:"event"` // "summary"
	Objects struct {
		Total   int64 `json:"total"`
		Copied  int64 `json:"copied"`
		Skipped int64 `json:"skipped"`
		Failed  int64 `json:"failed"`
		Pending int64 `json:"pending"`
	} `json:"objects"`
	Bytes struct {
		Total   int64 `json:"total"`   // of the objects copied, by all runs of this pass
		Copied  int64 `json:"copied"`  // brought over by this run
		Resumed int64 `json:"resumed"` // of unfinished objects, found from an earlier run
		Resent  int64 `json:"resent"`  // of attempts that failed
	} `json:"bytes"`
	Proofs struct {
		EndToEnd    int64 `json:"end_to_end"`
		Destination int64 `json:"destination"`
		None        int64 `json:"none"`
	} `json:"proofs"` // of the objects copied by this run
	Seconds     float64 `json:"seconds"`
	Credentials struct {
		Renewals int64 `json:"renewals"`
		Rejected int64 `json:"rejected"`
	} `json:"credentials"`
	Exit int `json:"exit"`

	job     string
	earlier int64 // objects that earlier runs had settled
}

func summarise(path string, start, end manifest.Totals, c *engine.Counters, keys creds.Counts, took time.Duration, code int) summary {
	s := summary{Event: "summary", Seconds: took.Seconds(), Exit: code, job: path}
	s.Objects.Total, s.Objects.Pending = end.Rows, end.Pending()
	s.Objects.Copied, s.Objects.Skipped, s.Objects.Failed = end.Copied, end.Skipped, end.Failed
	s.Bytes.Total, s.Bytes.Resumed, s.Bytes.Resent = end.Bytes, c.Resumed.Load(), c.Resent.Load()
	s.Bytes.Copied = c.Recorded.Load() - c.Resumed.Load()
	s.Proofs.EndToEnd, s.Proofs.Destination, s.Proofs.None = c.EndToEnd.Load(), c.Destination.Load(), c.Unproven.Load()
	s.Credentials.Renewals, s.Credentials.Rejected = keys.Renewals, keys.Rejected
	s.earlier = start.Copied + start.Skipped
	return s
}

// String is the summary for a person.
func (s summary) String() string {
	var b strings.Builder
	took := time.Duration(s.Seconds * float64(time.Second))
	fmt.Fprintf(&b, "%s\n", s.headline())
	fmt.Fprintf(&b, "  this run: %s in %s, %s/s\n", humanize.IBytes(uint64(s.Bytes.Copied)), spell(took), humanize.IBytes(perSecond(s.Bytes.Copied, took)))
	if s.earlier > 0 || s.Bytes.Resumed > 0 {
		fmt.Fprintf(&b, "  from earlier runs: %s, and %s of unfinished ones\n", objects(s.earlier), humanize.IBytes(uint64(s.Bytes.Resumed)))
	}
	if s.Bytes.Resent > 0 {
		fmt.Fprintf(&b, "  sent again after errors: %s\n", humanize.IBytes(uint64(s.Bytes.Resent)))
	}
	if s.Objects.Skipped > 0 {
		fmt.Fprintf(&b, "  unchanged since the last pass: %s\n", objects(s.Objects.Skipped))
	}
	for _, proof := range []struct {
		n    int64
		text string
	}{
		{s.Proofs.EndToEnd, "verified end to end"},
		{s.Proofs.Destination, "checked by the destination as they were read (the source keeps no checksum)"},
		{s.Proofs.None, "not compared (the destination tells no checksum)"},
	} {
		if proof.n > 0 {
			fmt.Fprintf(&b, "  %s: %s\n", proof.text, objects(proof.n))
		}
	}
	if s.Credentials.Renewals > 0 || s.Credentials.Rejected > 0 {
		fmt.Fprintf(&b, "  keys renewed %s, rejected %s\n", times(s.Credentials.Renewals), times(s.Credentials.Rejected))
	}
	switch {
	case s.Objects.Failed > 0:
		fmt.Fprintf(&b, "  which and why: xfer status --failed %s\n", s.job)
		fallthrough
	case s.Objects.Pending > 0:
		fmt.Fprintf(&b, "  the same command goes on, or: xfer resume %s\n", s.job)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (s summary) headline() string {
	here := s.Objects.Copied + s.Objects.Skipped
	switch {
	case s.Objects.Total == 0:
		return "Nothing to copy: the list has no rows."
	case here == s.Objects.Total:
		return fmt.Sprintf("All %s there.", are(s.Objects.Total))
	}
	text := fmt.Sprintf("%s of %s there", humanize.Comma(here), are(s.Objects.Total))
	if s.Objects.Failed > 0 {
		text += fmt.Sprintf(", %s failed", humanize.Comma(s.Objects.Failed))
	}
	if s.Objects.Pending > 0 {
		text += fmt.Sprintf(", %s left", humanize.Comma(s.Objects.Pending))
	}
	return text + "."
}

func objects(n int64) string {
	return humanize.Comma(n) + " " + english.PluralWord(int(n), "object", "")
}

func are(n int64) string {
	return objects(n) + english.PluralWord(int(n), " is", " are")
}

func times(n int64) string {
	return humanize.Comma(n) + " " + english.PluralWord(int(n), "time", "")
}

// spell gives a duration to the precision a person reads.
func spell(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
