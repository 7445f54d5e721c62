package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"xfer/creds"
	"xfer/engine"
	"xfer/manifest"
)

// A session is one run of the engine over an open job, and all that a person
// hears of it.
type session struct {
	opt    *options
	job    *manifest.Job
	path   string // of the job file
	dst    *place
	screen *screen
	events *events
	log    *slog.Logger
	stores *stores
	count  engine.Counters

	// rows, if not nil, gives rows that stream into the job while it runs.
	rows func(context.Context, *stores) iter.Seq2[manifest.Row, error]
}

// run copies until the job is done, cannot go on, or is told to stop. It prints
// the summary; what it returns decides the exit code.
func (s *session) run(ctx context.Context, stdout io.Writer) error {
	if s.opt.json {
		s.events = newEvents(stdout)
	}
	closeLog, err := s.openLog()
	if err != nil {
		return err
	}
	defer closeLog()

	ctx, cut := context.WithCancel(ctx)
	defer cut()
	intake, stop := context.WithCancel(context.Background())
	defer stop()
	s.stores = newStores(s.opt, s.dst, s.log, s.onCredentials)
	defer s.stores.close()
	defer s.onSignals(stop, cut)()

	start, began := s.job.Totals(), time.Now()
	shown := s.background(start, began)
	loaded := s.load(ctx, intake, stop)
	err = engine.Run(ctx, intake, source{s.stores}, destination{s.stores}, s.job, engine.Options{
		Workers: int(s.opt.workers), PartSize: int64(s.opt.partSize), LimitRate: int64(s.opt.limitRate),
		RetryFor: s.opt.retryFor, MaxFailures: s.opt.maxFailures, Counters: &s.count,
		Observer: engine.Observer{Settled: s.onSettled, Notice: s.onNotice},
	})
	shown()
	if loadErr := loaded(); loadErr != nil && (err == nil || errors.Is(err, engine.ErrStopped)) {
		err = loadErr
	}

	s.stores.close() // the summary is the last word: no keys are renewed after it
	end := s.job.Totals()
	switch {
	case err == nil && end.Pending() > 0: // a run never says that all is well by its own word alone
		err = fmt.Errorf("end run: the job file has %d objects left", end.Pending())
	case err == nil && end.Failed > 0:
		err = errIncomplete
	}
	sum := summarise(s.path, start, end, &s.count, s.stores.keys(), time.Since(began), exitCode(err))
	s.screen.say("%s", sum)
	for _, note := range s.job.Notes() {
		s.screen.say("note: %s", note)
	}
	s.log.Info("run ended", "copied", end.Copied, "failed", end.Failed, "pending", end.Pending(), "exit", sum.Exit)
	s.events.write(sum)
	if err == nil && s.events != nil && s.events.err != nil {
		err = fmt.Errorf("write standard output: %w", s.events.err)
	}
	return err
}

// load reads rows that stream in beside the run. Trouble with them stops intake:
// what has come in is copied as far as it has come. The function it returns
// waits for the end and gives that trouble.
func (s *session) load(ctx, intake context.Context, stop context.CancelFunc) (wait func() error) {
	if s.rows == nil {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(intake, cancel)
	ended := make(chan error, 1)
	go func() {
		change, err := s.job.Load(ctx, s.rows(ctx, s.stores))
		if err == nil {
			tellChange(s.screen, change)
		}
		if intake.Err() != nil {
			err = nil // told to stop; the rest comes in the next run
		} else if err != nil {
			stop()
		}
		ended <- err
	}()
	return func() error {
		cancel() // the run has ended: with all rows in, or early
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

// tellChange says what a changed list did to a job that was there before.
func tellChange(screen *screen, c manifest.Change) {
	if c.Merged && c.Added+c.Dropped > 0 {
		screen.say("xfer: the list has changed: %s rows added, %s dropped", humanize.Comma(c.Added), humanize.Comma(c.Dropped))
	}
}

// background starts what only watches: the progress, and the note to those who
// find the job in use. The function it returns ends both.
func (s *session) background(start manifest.Totals, began time.Time) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &progress{screen: s.screen, job: s.job, count: &s.count, start: start, began: began}
	drawn, published, warned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(warned)
		s.stores.ahead.watch(ctx, p)
	}()
	go func() {
		defer close(drawn)
		p.show(ctx, s.opt.progress)
	}()
	go func() {
		defer close(published)
		publish(ctx, s.job, p)
	}()
	return func() {
		cancel()
		<-drawn
		<-published
		<-warned
	}
}

// onSignals lets the first SIGINT, SIGTERM or SIGHUP stop intake and the second
// cut everything off. The function it returns ends that.
func (s *session) onSignals(stop, cut context.CancelFunc) (end func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ended := make(chan struct{})
	go func() {
		for n := 1; ; n++ {
			select {
			case sig := <-signals:
				s.log.Info("signal", "name", sig.String())
				if n > 1 {
					cut()
					continue
				}
				s.screen.say("xfer: stopping: parts in flight are finished and recorded; once more stops at once")
				stop()
				s.stores.stopWaiting()
			case <-ended:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(ended)
	}
}

// maxFailuresTold bounds how much of the screen failed objects may take. All of
// them are in the job, for xfer status --failed.
const maxFailuresTold = 20

func (s *session) onSettled(r engine.Result) {
	s.events.object(r)
	if r.Status == engine.Failed {
		s.log.Error("object failed", "source", r.Source, "destination", r.Destination, "error", r.Err)
		switch n := s.count.Failed.Load(); {
		case n <= maxFailuresTold:
			s.screen.say("xfer: %s: %v", r.Source, r.Err)
		case n == maxFailuresTold+1:
			s.screen.say("xfer: more objects fail; they are not told one by one any more")
		}
		return
	}
	s.log.Debug("object "+r.Status.String(), "source", r.Source, "destination", r.Destination, "bytes", r.Pin.Size, "proof", r.Proof.String())
}

func (s *session) onNotice(n engine.Notice) {
	if n.Err == nil {
		s.log.Warn(n.Text)
		s.screen.say("xfer: %s", n.Text)
		return
	}
	s.log.Warn(n.Text, "error", n.Err)
	s.screen.say("xfer: %s: %v", n.Text, n.Err)
}

// onCredentials tells of keys. Renewals are everyday and go to the log; a pause
// is for whoever sits before the screen.
func (s *session) onCredentials(e creds.Event) {
	s.events.credentials(e)
	attrs := []any{"side", e.Keeper, "from", e.From, "key", "…" + e.KeyID}
	switch e.Kind {
	case creds.Renewed:
		s.log.Info("keys renewed", append(attrs, "generation", e.Generation, "life", e.Life, "latency", e.Latency, "next", e.Next)...)
	case creds.Rejected:
		s.log.Info("keys rejected", append(attrs, "code", e.Code)...)
	case creds.Warning:
		s.log.Warn("keys not renewed", append(attrs, "why", e.Why)...)
		s.screen.say("xfer: %s keys: %s; the ones in hand still serve%s", e.Keeper, e.Why, withHint(e.Hint))
	case creds.Paused:
		s.log.Warn("paused for keys", append(attrs, "why", e.Why)...)
		s.screen.say("xfer: paused: no valid %s keys: %s; trying on%s", e.Keeper, e.Why, withHint(e.Hint))
	case creds.Resumed:
		s.log.Info("keys are back", append(attrs, "after", e.After)...)
		s.screen.say("xfer: going on: %s keys are back after %s", e.Keeper, spell(e.After))
	}
}

func withHint(hint string) string {
	if hint == "" {
		return ""
	}
	return "\n  " + hint
}

// openLog opens the log file, if one is asked for.
func (s *session) openLog() (closeLog func(), err error) {
	s.log = slog.New(slog.DiscardHandler)
	if s.opt.logFile == "" {
		return func() {}, nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.opt.logLevel)); err != nil {
		return nil, usagef("--log-level: %v", err)
	}
	f, err := os.OpenFile(s.opt.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log file: %w", err)
	}
	s.log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: level}))
	return func() {
		if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			s.screen.say("xfer: close log file: %v", err)
		}
	}, nil
}
