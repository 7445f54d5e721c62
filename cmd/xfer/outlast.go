package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"xfer/creds"
)

// A foresight knows when keys end that xfer cannot renew, and says so while there
// is time, if the job takes longer. When they do end, the job pauses; who reads
// the warning need not lose that time.
type foresight struct {
	mu   sync.Mutex
	ends map[string]ending // by the keeper's name and where its keys come from
}

// An ending is that of one set of keys.
type ending struct {
	side, from, hint string
	at               time.Time
	told             bool
}

// note takes in what a keeper tells.
func (f *foresight) note(e creds.Event, now time.Time) {
	if e.Kind != creds.Renewed {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ends == nil {
		f.ends = map[string]ending{}
	}
	key := e.Keeper + " " + e.From
	delete(f.ends, key)
	if e.Fixed && e.Life > 0 {
		f.ends[key] = ending{side: e.Keeper, from: e.From, hint: e.Hint, at: now.Add(e.Life)}
	}
}

// warnings gives, once for each set of keys, what to say if the job takes another
// need from now.
func (f *foresight) warnings(now time.Time, need time.Duration) (say []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, e := range f.ends {
		if left := e.at.Sub(now); !e.told && left > 0 && need > left {
			e.told = true
			f.ends[key] = e
			say = append(say, fmt.Sprintf("the %s keys from %s end in %s, and the rest takes about %s: the job will pause then%s",
				e.side, e.from, spell(left), spell(need), withHint(e.hint)))
		}
	}
	return say
}

// lookAhead is how often the end of the job is held against that of the keys.
const lookAhead = 10 * time.Second

// watch warns until ctx ends.
func (f *foresight) watch(ctx context.Context, p *progress) {
	tick := time.NewTicker(lookAhead)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			done, all := p.bytes()
			rate := perSecond(done-p.count.Resumed.Load(), now.Sub(p.began))
			if rate == 0 || all <= done {
				continue
			}
			for _, text := range f.warnings(now, time.Duration(float64(all-done)/float64(rate)*float64(time.Second))) {
				p.screen.say("xfer: %s", text)
			}
		case <-ctx.Done():
			return
		}
	}
}
