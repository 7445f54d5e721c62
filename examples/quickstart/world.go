package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"xfer/internal/s3sim"
)

// A world is two S3 services and a vendor of keys for the first.
type world struct {
	source, dest *s3sim.Server
	vendor       *s3sim.Vendor
}

const vendorToken = "a-login-of-the-quickstart"

func newWorld() (*world, error) {
	w := &world{
		source: s3sim.New(s3sim.Config{}),
		dest:   s3sim.New(s3sim.Config{Discard: true, CheapETags: true}), // keeps sums, not bytes
	}
	w.vendor = s3sim.NewVendor(s3sim.VendorConfig{Flavour: s3sim.Web, Token: vendorToken, Lifetime: keyLife}, w.source)
	w.source.PutSyntheticMany("granules", "small/", small, smallSize, 1)
	w.source.PutSyntheticMany("granules", "large/", large, largeSize, 1_000_000)
	w.dest.CreateBucket("copies")
	w.dest.AddKey(s3sim.Key{ID: "DESTKEY", Secret: "a-secret-of-the-quickstart"})
	return w, errors.Join(w.source.Start(), w.dest.Start(), w.vendor.Start())
}

func (w *world) close() {
	_ = errors.Join(w.source.Close(), w.dest.Close(), w.vendor.Close())
}

// list is the text of the list: one object a line.
func (w *world) list() string {
	var b strings.Builder
	b.WriteString("# what to copy\n")
	for _, key := range w.source.Keys("granules") {
		fmt.Fprintf(&b, "s3://granules/%s\n", key)
	}
	return b.String()
}

// command is xfer with the logins of this world in its environment.
func (w *world) command(ctx context.Context, xfer string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, xfer, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"XFER_CREDS_TOKEN="+vendorToken,
		"DEST_ACCESS_KEY_ID=DESTKEY", "DEST_SECRET_ACCESS_KEY=a-secret-of-the-quickstart",
	)
	return cmd
}

// total is the number of bytes to copy.
const total = large*largeSize + small*smallSize

// waitHalf waits until half of all bytes have arrived.
func (w *world) waitHalf(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case <-tick.C:
			if w.dest.Stats().Accepted >= total/2 {
				return nil
			}
		case <-deadline:
			return errors.New("half of the bytes did not arrive within two minutes")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// check compares every object by the sum that each service made of its own
// bytes, and tells what the copy cost.
func (w *world) check() error {
	keys := w.source.Keys("granules")
	if got := len(w.dest.Keys("copies")); got != len(keys) {
		return fmt.Errorf("%d objects arrived, %d were listed", got, len(keys))
	}
	for _, key := range keys {
		from, _ := w.source.Object("granules", key)
		to, ok := w.dest.Object("copies", key)
		if !ok || to.Size != from.Size || to.CRC != from.CRC {
			return fmt.Errorf("%s differs: %d bytes, sum %016x; want %d, %016x", key, to.Size, to.CRC, from.Size, from.CRC)
		}
	}
	if open := w.dest.OpenUploads("copies"); len(open) > 0 {
		return fmt.Errorf("%d uploads were left open", len(open))
	}
	accepted, vended := w.dest.Stats().Accepted, w.vendor.Stats().Vended
	again := accepted - total
	const bound = 2 * workers * partSize
	fmt.Printf("== all %d objects are there, byte for byte; no upload is left open\n", len(keys))
	fmt.Printf("   %d MiB listed, %d MiB accepted: %.1f MiB sent twice because of the kill (at most %d MiB by design)\n",
		total>>20, accepted>>20, float64(again)/(1<<20), bound>>20)
	fmt.Printf("   %d sets of keys of %v each were used up on the way\n", vended, keyLife)
	if again > bound {
		return fmt.Errorf("more was sent twice than the design allows")
	}
	return nil
}
