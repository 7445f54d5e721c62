package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"xfer/engine"
	"xfer/manifest"
)

type progressMode string

const (
	progressAuto progressMode = "auto"
	progressBar  progressMode = "bar"
	progressLine progressMode = "lines"
	progressNone progressMode = "none"
)

const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 10 * time.Second
)

// A progress shows how far a run is. It only reads: the journal's totals and the
// engine's counters.
type progress struct {
	screen *screen
	job    *manifest.Job
	count  *engine.Counters
	start  manifest.Totals // as the run began
	began  time.Time
}

// show draws until ctx ends.
func (p *progress) show(ctx context.Context, mode progressMode) {
	if mode == progressAuto {
		if mode = progressLine; p.screen.tty {
			mode = progressBar
		}
	}
	switch mode {
	case progressBar:
		p.bar(ctx)
	case progressLine:
		p.lines(ctx)
	}
}

// bar keeps one bar, set from a ticker; workers never touch it.
func (p *progress) bar(ctx context.Context) {
	bar := progressbar.NewOptions64(1,
		progressbar.OptionSetWriter(p.screen),
		progressbar.OptionSetWidth(24),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(0),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
	)
	tick := time.NewTicker(barEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			done, all := p.bytes()
			totals := p.job.Totals()
			bar.ChangeMax64(max(all, done+1)) // never full before the summary
			bar.Describe(fmt.Sprintf("%s/%s objects", humanize.Comma(totals.Rows-totals.Pending()), humanize.Comma(totals.Rows)))
			_ = bar.Set64(done)
		case <-ctx.Done():
			p.screen.wipe()
			return
		}
	}
}

// lines prints a plain line now and then, for logs.
func (p *progress) lines(ctx context.Context) {
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	last, at := p.count.Recorded.Load()-p.count.Resumed.Load(), time.Now()
	for {
		select {
		case now := <-tick.C:
			arrived := p.count.Recorded.Load() - p.count.Resumed.Load()
			p.screen.say("%s, %s/s", p.line(), humanize.IBytes(perSecond(arrived-last, now.Sub(at))))
			last, at = arrived, now
		case <-ctx.Done():
			return
		}
	}
}

// line is how far the job is, in words.
func (p *progress) line() string {
	totals := p.job.Totals()
	text := fmt.Sprintf("%s of %s objects, %s", humanize.Comma(totals.Rows-totals.Pending()), humanize.Comma(totals.Rows), humanize.IBytes(uint64(p.count.Recorded.Load())))
	if n := p.count.InFlight.Load(); n > 0 {
		text += fmt.Sprintf(", %d parts in flight", n)
	}
	if totals.Failed > 0 {
		text += fmt.Sprintf(", %s failed", humanize.Comma(totals.Failed))
	}
	return text
}

// bytes gives what has arrived in this run and what it has to bring in all.
// Sizes are known only of what has been opened; the rest is taken to be like that.
func (p *progress) bytes() (done, all int64) {
	resumed := p.count.Resumed.Load()
	done = p.count.Recorded.Load() - resumed
	opened, openedBytes := p.count.Opened.Load(), p.count.OpenedBytes.Load()
	if opened == 0 {
		return done, 0
	}
	rows := p.start.Pending() - p.count.Skipped.Load()
	return done, int64(float64(openedBytes)/float64(opened)*float64(max(rows, opened))) - resumed
}

func perSecond(n int64, d time.Duration) uint64 {
	if d <= 0 || n <= 0 {
		return 0
	}
	return uint64(float64(n) / d.Seconds())
}
