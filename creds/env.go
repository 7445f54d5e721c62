package creds

import (
	"context"
	"errors"
	"fmt"
)

// envKeys reads keys from four environment variables with a common prefix. They
// are what they were when the process began.
type envKeys struct {
	prefix string
	getenv func(string) string
}

func (e *envKeys) Fetch(context.Context) (Keys, error) {
	from := "the environment (" + e.prefix + "_…)"
	var f found
	for _, name := range []string{"ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "EXPIRATION"} {
		if err := f.put(name, e.getenv(e.prefix+"_"+name)); err != nil {
			return Keys{}, err
		}
	}
	k, err := f.keys()
	if err != nil {
		hint := fmt.Sprintf("set %[1]s_ACCESS_KEY_ID, %[1]s_SECRET_ACCESS_KEY, and for temporary keys %[1]s_SESSION_TOKEN and %[1]s_EXPIRATION", e.prefix)
		if errors.Is(err, errZoneless) {
			hint = fmt.Sprintf("write %s_EXPIRATION with its zone, such as 2026-01-02T03:04:05Z", e.prefix)
		}
		return Keys{}, &Fault{Kind: ErrSetup, Text: fmt.Sprintf("read keys from %s: %v", from, err), Hint: hint}
	}
	k.From, k.Hint = from, environmentHint
	return k, nil
}
