package filestore

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestGroupSharesTheRunThatBeginsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		runs, release := 0, make(chan error)
		f := func() error { runs++; return <-release }
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := g.do(f); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // the first run is under way
		full := errors.New("full")
		for range 50 {
			wg.Go(func() {
				if err := g.do(f); !errors.Is(err, full) {
					t.Errorf("got %v: a run that began too early", err)
				}
			})
		}
		synctest.Wait()
		if runs != 1 {
			t.Errorf("%d runs while the first was under way", runs)
		}
		release <- nil
		release <- full
		wg.Wait()
		if runs != 2 {
			t.Errorf("%d runs for 51 calls", runs)
		}
	})
}
