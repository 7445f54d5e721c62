package creds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// mint hands out new keys at each fetch.
type mint struct {
	n    *atomic.Int32
	life time.Duration
	once bool // not renewable
	err  error
	id   string
}

func (m mint) identity() []string { return []string{"mint", m.id} }

func (m mint) Fetch(context.Context) (Keys, error) {
	if m.err != nil {
		return Keys{}, m.err
	}
	k := Keys{
		AccessKeyID: fmt.Sprintf("ASIA%04d", m.n.Add(1)), SecretAccessKey: NewSecret("canary-s"), SessionToken: NewSecret("canary-t"),
		Renewable: !m.once, From: "mint",
	}
	if m.life > 0 {
		k.Expires = time.Now().Add(m.life)
	}
	return k, nil
}

func fetchID(t *testing.T, p Provider) string {
	t.Helper()
	k, err := p.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return k.AccessKeyID
}

func TestCachedKeysAreSharedWhileTheyAreYoung(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := mint{n: new(atomic.Int32), life: time.Hour, id: "ada"}
		first := Cached(m, dir)
		if a, b := fetchID(t, first), fetchID(t, Cached(m, dir)); a != b {
			t.Errorf("two processes got %s and %s", a, b)
		}
		// Who asks again has no use for the same keys.
		if a, b := "ASIA0001", fetchID(t, first); a == b {
			t.Errorf("asked again, got %s again", b)
		}
		if got := fetchID(t, Cached(mint{n: m.n, life: time.Hour, id: "bea"}, dir)); got != "ASIA0003" {
			t.Errorf("another identity got %s", got)
		}
		time.Sleep(44 * time.Minute) //nolint:forbidigo // the bubble's time
		if got := fetchID(t, Cached(m, dir)); got != "ASIA0002" {
			t.Errorf("after 44 minutes got %s", got)
		}
		time.Sleep(2 * time.Minute) //nolint:forbidigo // the bubble's time
		if got := fetchID(t, Cached(m, dir)); got != "ASIA0004" {
			t.Errorf("after 46 minutes got %s", got)
		}
	})
}

func TestCachedKeepsNothingItShouldNot(t *testing.T) {
	for name, m := range map[string]mint{
		"no end":        {id: "a"},
		"not renewable": {id: "b", life: time.Hour, once: true},
		"failure":       {id: "c", err: errors.New("down")},
	} {
		dir := t.TempDir()
		m.n = new(atomic.Int32)
		_, _ = Cached(m, dir).Fetch(t.Context())
		if files, _ := filepath.Glob(filepath.Join(dir, "*.json")); len(files) > 0 {
			t.Errorf("%s: kept in %v", name, files)
		}
	}
	if p := Cached(anonymous{}, t.TempDir()); p != (Provider)(anonymous{}) {
		t.Errorf("anonymous was wrapped: %T", p)
	}
}

func TestCachedFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	m := mint{n: new(atomic.Int32), life: time.Hour, id: "ada-canary"}
	fetchID(t, Cached(m, dir))
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
		if strings.Contains(path, "canary") {
			t.Errorf("the name tells the identity: %s", path)
		}
	}
	files, _ = filepath.Glob(filepath.Join(dir, "*.json"))
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	// What is not whole, not ours or not private is fetched anew and replaced.
	spoil := map[string]func(){
		"cut":      func() { _ = os.WriteFile(files[0], []byte(`{"Version":1,"Acc`), 0o600) },
		"readable": func() { _ = os.Chmod(files[0], 0o644) },
		"far": func() {
			data, _ := json.Marshal(cachedFile{Version: 1, AccessKeyID: "OLD", SecretAccessKey: "x", Life: time.Hour, Expiration: time.Now().Add(48 * time.Hour)})
			_ = os.WriteFile(files[0], data, 0o600)
		},
	}
	for name, do := range spoil {
		before := m.n.Load()
		do()
		fetchID(t, Cached(m, dir))
		if m.n.Load() != before+1 {
			t.Errorf("%s: used", name)
		}
		if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: not replaced", name)
		}
	}
}

func TestCachedProcessesFetchOnce(t *testing.T) {
	dir := t.TempDir()
	m := mint{n: new(atomic.Int32), life: time.Hour, id: "ada"}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { fetchID(t, Cached(m, dir)) })
	}
	wg.Wait()
	if got := m.n.Load(); got != 1 {
		t.Errorf("%d fetches", got)
	}
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		v := &vendor{life: time.Hour, skew: -10 * time.Minute}
		k, life, err := Once(ctx, v)
		if want := time.Now().Add(time.Hour); err != nil || life != time.Hour || !k.Expires.Equal(want) {
			t.Errorf("got life %v until %v, want until %v (%v)", life, k.Expires, want, err)
		}
		begun := time.Now()
		v.fail = func(now time.Time) error {
			if now.Sub(begun) < 3*time.Second {
				return errors.New("down")
			}
			return nil
		}
		if _, _, err := Once(ctx, v); err != nil || time.Since(begun) < 3*time.Second {
			t.Errorf("passing trouble: %v after %v", err, time.Since(begun))
		}
		v.fail = func(time.Time) error { return errors.New("down") }
		if _, _, err := Once(ctx, v); err == nil || err.Error() != "down" {
			t.Errorf("lasting trouble: %v", err)
		}
		begun = time.Now()
		v.fail = func(time.Time) error { return &Fault{Kind: ErrLogin, Text: "no"} }
		if _, _, err := Once(t.Context(), v); !errors.Is(err, ErrLogin) || time.Since(begun) != 0 {
			t.Errorf("a login that is refused: %v after %v", err, time.Since(begun))
		}
	})
}
