package main

import (
	"strings"
	"testing"
	"time"

	"xfer/creds"
)

func TestForesight(t *testing.T) {
	now := time.Now()
	var f foresight
	fixed := creds.Event{Kind: creds.Renewed, Keeper: "source", From: "keys.env", Fixed: true, Life: time.Hour, Hint: "put new keys into keys.env"}
	f.note(fixed, now)
	f.note(creds.Event{Kind: creds.Renewed, Keeper: "destination", From: "host", Life: time.Minute}, now)
	f.note(creds.Event{Kind: creds.Renewed, Keeper: "destination", From: "lasting", Fixed: true}, now)
	if got := f.warnings(now, 50*time.Minute); len(got) > 0 {
		t.Errorf("a job that ends in time: %q", got)
	}
	got := f.warnings(now.Add(10*time.Minute), 2*time.Hour)
	if len(got) != 1 || !strings.Contains(got[0], "the source keys from keys.env end in 50m") || !strings.Contains(got[0], "takes about 2h") || !strings.Contains(got[0], "put new keys into keys.env") {
		t.Errorf("a job that takes too long: %q", got)
	}
	if got := f.warnings(now.Add(11*time.Minute), 2*time.Hour); len(got) > 0 {
		t.Errorf("said again: %q", got)
	}
	f.note(fixed, now.Add(40*time.Minute))
	if got := f.warnings(now.Add(41*time.Minute), 2*time.Hour); len(got) != 1 {
		t.Errorf("new keys that end too soon: %q", got)
	}
	if got := f.warnings(now.Add(3*time.Hour), 2*time.Hour); len(got) > 0 {
		t.Errorf("keys that have ended: %q", got)
	}
}
