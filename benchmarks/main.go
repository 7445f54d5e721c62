package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"xfer/internal/s3sim"
)

func main() {
	runs := flag.Int("runs", 5, "counted runs of each tool and scenario")
	only := flag.String("only", "", "run this scenario alone")
	flag.Parse()
	if err := run(*runs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

// key is the i-th key of a scenario.
func key(i int) string { return s3sim.SyntheticKey(prefix, i) }

func run(runs int, only string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	dir, err := os.MkdirTemp("", "xfer-benchmarks-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"cmd/xfer", "internal/s3sim/s3simd"} {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", dir, "xfer/"+name).CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	tools := append([]tool{xferTool(filepath.Join(dir, "xfer"))}, peers()...)
	table := "\nmedians                 tool      CPU-s/GiB  CPU-ms/object  peak MiB  MiB/s\n"
	for _, sc := range scenarios {
		if only != "" && only != sc.name {
			continue
		}
		rows, err := compare(ctx, sc, tools, runs, dir)
		if err != nil {
			return err
		}
		table += rows
	}
	fmt.Print(table)
	return nil
}

// compare runs all tools in turn, one uncounted round first.
func compare(ctx context.Context, sc scenario, tools []tool, runs int, dir string) (rows string, err error) {
	from, to, err := startPair(filepath.Join(dir, "s3simd"), sc)
	if err != nil {
		return "", err
	}
	defer from.stop()
	defer to.stop()
	figures := make([][]figure, len(tools))
	for round := range runs + 1 {
		for i, t := range tools {
			f, err := once(ctx, t, sc, from, to)
			if err != nil {
				return "", err
			}
			if round == 0 {
				continue
			}
			figures[i] = append(figures[i], f)
			fmt.Println(f.line(t.name, sc))
		}
	}
	gib := float64(sc.bytes()) / (1 << 30)
	for i, t := range tools {
		m := median(figures[i])
		rows += fmt.Sprintf("%-8s %-14s %-9s %9.3f  %13.4f  %8.1f  %5.0f\n", sc.name, sc, t.name, m.cpu().Seconds()/gib,
			m.cpu().Seconds()*1000/float64(sc.n), float64(m.peak)/(1<<20), gib*1024/m.wall.Seconds())
	}
	return rows, nil
}

// once measures one run in a folder of its own, so that it finds no job file.
func once(ctx context.Context, t tool, sc scenario, from, to *server) (figure, error) {
	dir, err := os.MkdirTemp("", "xfer-run-")
	if err != nil {
		return figure{}, err
	}
	defer os.RemoveAll(dir)
	cmd, err := t.command(ctx, sc, from.url, to.url, dir)
	if err != nil {
		return figure{}, err
	}
	return measure(cmd)
}
