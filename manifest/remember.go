package manifest

import (
	"context"
	"fmt"
)

// Remember keeps settings in the file in place of what it has.
func (j *Job) Remember(ctx context.Context, settings map[string]string) error {
	if err := j.setHeader(ctx, func(h *header) { h.Settings = settings }); err != nil {
		return fmt.Errorf("keep settings: %w", err)
	}
	return nil
}
