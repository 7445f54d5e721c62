package creds

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// web asks any endpoint that answers a GET with keys.
type web struct {
	url    *url.URL
	call   caller
	getenv func(string) string
}

func (w *web) Fetch(ctx context.Context) (Keys, error) {
	token := NewSecret(strings.TrimSpace(w.getenv("XFER_CREDS_TOKEN")))
	header := http.Header{"Accept": {"application/json"}}
	if !token.Empty() {
		header.Set("Authorization", "Bearer "+token.Reveal())
	}
	a, err := w.call.do(ctx, http.MethodGet, w.url, header)
	if err != nil {
		return Keys{}, err
	}
	if a.status != http.StatusOK {
		return Keys{}, a.fault("put a valid token into XFER_CREDS_TOKEN and run the same command again", token)
	}
	k, err := a.keys()
	if !token.Empty() {
		k.From += " (XFER_CREDS_TOKEN)"
	}
	return k, err
}

func (w *web) identity() []string {
	return []string{"web", w.url.String(), strings.TrimSpace(w.getenv("XFER_CREDS_TOKEN"))}
}
