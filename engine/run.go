package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// A Source is where bytes are read. Safe for concurrent use.
type Source interface {
	Opener
	Reader
}

// A Destination is where bytes are written. Safe for concurrent use.
type Destination interface {
	Beginner
	Writer
	Finisher
}

// A Journal is the durable record of a job: what is left, which uploads were
// begun, which parts arrived, how each object ended. Safe for concurrent use.
// Any error of its is final: the run ends and the job file is opened anew.
type Journal interface {
	Backlog
	Recorder
	Completer
	Settler
}

// Options are what a run may be told. The zero value is a good one.
type Options struct {
	Workers     int           // parts in flight at once, and as many objects being opened; 0: as many as bring more
	PartSize    int64         // bytes; 0: the destination's choice
	RetryFor    time.Duration // how long one request is tried again before its object fails; 0: 15 minutes
	Grace       time.Duration // how long parts in flight may go on after intake has stopped; 0: 10 seconds
	MaxFailures int           // failed objects after which the run stops; 0: any number
	LimitRate   int64         // bytes a second read from sources, all together; 0: no limit
	Counters    *Counters     // where the run counts, for others to read; may be nil
	Observer    Observer
}

// ErrStopped is what Run returns when intake ended before the work did. What was
// recorded stays; the next run goes on from there.
var ErrStopped = errors.New("run stopped")

// ErrTooManyFailures ends a run that reached Options.MaxFailures.
var ErrTooManyFailures = errors.New("too many failed objects")

// run is one pass of one process over a journal. All that stages share is here,
// and each field has one owner or guards itself.
type run struct {
	src     Source
	dst     Destination
	journal Journal
	opt     Options
	count   *Counters
	pace    *pace
	rounds  *rounds
	limit   *rate.Limiter // nil without a limit

	intake context.Context // ended: take in nothing more
	halt   context.CancelCauseFunc

	owed *semaphore.Weighted // bytes sent and not yet durable
	owes int64               // its size

	noticed struct {
		mu   sync.Mutex
		last map[string]time.Time
	}
}

// finishers is how many objects are completed at once: each is a request or two
// of waiting, and record must not wait for them.
const finishers = 16

// Run works through what journal has pending, copying from src to dst, and
// returns when all of it is settled (nil, whatever the results), when intake has
// ended and what was in flight has arrived or been given up (ErrStopped), or
// when the run cannot go on (ErrNoKeys, ErrNoStore, ErrTooManyFailures, or the
// journal's error). Ending ctx cuts everything off at once.
//
// Every goroutine of a run is started here.
func Run(ctx, intake context.Context, src Source, dst Destination, journal Journal, opt Options) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	r := newRun(src, dst, journal, opt)
	r.intake, r.halt = context.WithCancelCause(ctx)
	defer context.AfterFunc(intake, func() { r.halt(ErrStopped) })()
	defer context.AfterFunc(r.intake, func() {
		grace := time.AfterFunc(r.opt.Grace, func() { cut(ErrStopped) })
		context.AfterFunc(ctx, func() { grace.Stop() })
	})()

	rows, fed := make(chan Pending), make(chan struct{})
	parts, planned := make(chan part), make(chan struct{})
	deliveries := make(chan delivery)
	whole := make(chan *transfer, finishers)
	outcomes := make(chan outcome, maxBatch)

	s := stages{cut: cut}
	s.start(1, func(int) error { return r.feed(rows) }, func() { close(rows); close(fed) })
	s.start(r.pace.max, func(i int) error { return r.plan(ctx, i, rows, fed, parts) }, func() { close(parts); close(planned) })
	s.start(r.pace.max, func(i int) error { return r.copy(ctx, i, parts, planned, deliveries) }, func() { close(deliveries) })
	s.start(1, func(int) error { return r.record(ctx, deliveries, whole) }, func() { close(whole) })
	s.start(finishers, func(int) error { return r.finish(ctx, whole, outcomes) }, func() { close(outcomes) })
	s.start(1, func(int) error { return r.settle(ctx, outcomes) }, func() {})

	steering, stand := context.WithCancel(ctx)
	go r.pace.steer(steering, r.count)
	err := s.group.Wait()
	stand()
	if err != nil {
		return err
	}
	if cause := context.Cause(r.intake); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	} else if cause != nil {
		return ErrStopped
	}
	return nil
}

// stages starts the goroutines of a run.
type stages struct {
	group errgroup.Group
	cut   context.CancelCauseFunc // ends the run when a stage cannot go on
}

// start runs n goroutines of one stage; the last to end calls last, which closes
// what the stage sends on.
func (s *stages) start(n int, stage func(i int) error, last func()) {
	var left atomic.Int32
	left.Store(int32(n))
	for i := range n {
		s.group.Go(func() error {
			err := stage(i)
			if err != nil {
				s.cut(err)
			}
			if left.Add(-1) == 0 {
				last()
			}
			return err
		})
	}
}

// newRun fills in what opt leaves open.
func newRun(src Source, dst Destination, journal Journal, opt Options) *run {
	if opt.RetryFor <= 0 {
		opt.RetryFor = 15 * time.Minute
	}
	if opt.Grace <= 0 {
		opt.Grace = 10 * time.Second
	}
	r := &run{
		src: src, dst: dst, journal: journal, opt: opt,
		count: opt.Counters, pace: newPace(opt.Workers), rounds: newRounds(),
	}
	if r.count == nil {
		r.count = new(Counters)
	}
	if opt.LimitRate > 0 {
		r.limit = rate.NewLimiter(rate.Limit(opt.LimitRate), limitBurst)
	}
	r.owes = 2 * int64(r.pace.max) * PartSize(0, opt.PartSize)
	r.owed = semaphore.NewWeighted(r.owes)
	r.noticed.last = map[string]time.Time{}
	return r
}

// limitBurst is the most that may pass at once under a rate limit; no single
// read of a stream is larger.
const limitBurst = 1 << 20

// unlessCut gives a journal's error, or nil when it only says that the run was
// cut off.
func (r *run) unlessCut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
