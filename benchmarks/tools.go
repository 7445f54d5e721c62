package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A tool does the work of a scenario in one command.
type tool struct {
	name    string
	command func(ctx context.Context, sc scenario, from, to, dir string) (*exec.Cmd, error)
}

// keys are accepted by the simulator in its cheap mode, whatever they are.
var keys = []string{
	"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_REGION=us-east-1", "AWS_CONFIG_FILE=/dev/null",
	"AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
}

// xferTool is the xfer at path, with a list, a job file and all checks, as ever.
func xferTool(path string) tool {
	return tool{"xfer", func(ctx context.Context, sc scenario, from, to, dir string) (*exec.Cmd, error) {
		list := filepath.Join(dir, "list.txt")
		if err := writeList(list, sc); err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, path, "copy", "--manifest", list, "--progress", "none",
			"--source-endpoint", from, "--dest-endpoint", to,
			"--workers", fmt.Sprint(sc.workers), "--part-size", fmt.Sprint(sc.partSize), "s3://"+destBucket+"/")
		cmd.Env = append(os.Environ(), keys...)
		return cmd, nil
	}}
}

// peers gives the other tools that are installed.
func peers() []tool {
	var found []tool
	if path, err := exec.LookPath("rclone"); err == nil {
		found = append(found, tool{"rclone", func(ctx context.Context, sc scenario, from, to, _ string) (*exec.Cmd, error) {
			remote := func(url string) string {
				return fmt.Sprintf(":s3,provider=Other,env_auth=true,force_path_style=true,endpoint='%s':", url)
			}
			cmd := exec.CommandContext(ctx, path, "copy", "--config", "/dev/null", "--no-traverse", "--transfers", fmt.Sprint(sc.workers),
				"--checkers", fmt.Sprint(sc.workers), "--s3-chunk-size", fmt.Sprintf("%dB", sc.partSize), "--s3-upload-cutoff", fmt.Sprintf("%dB", sc.partSize),
				remote(from)+sourceBucket, remote(to)+destBucket)
			cmd.Env = append(os.Environ(), keys...)
			return cmd, nil
		}})
	}
	return found
}

func writeList(path string, sc scenario) error {
	var text []byte
	for i := range sc.n {
		text = fmt.Appendf(text, "s3://%s/%s\n", sourceBucket, key(i))
	}
	return os.WriteFile(path, text, 0o600)
}
