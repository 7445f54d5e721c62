package creds

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// keys reads the keys out of a good answer. The content type does not matter:
// some vendors send JSON as text/html.
func (a answer) keys() (Keys, error) {
	k, err := parseKeys(a.body)
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "it ")
		hint := "check that the URL is the one that hands out keys"
		if errors.Is(err, errWebPage) {
			return Keys{}, &Fault{Kind: ErrSetup, Text: a.host + " answered with a web page",
				Hint: "is the URL right, has the login expired?"}
		}
		return Keys{}, &Fault{Kind: ErrSetup, Text: fmt.Sprintf("answer of %s cannot be used: it %s", a.host, why), Hint: hint}
	}
	k.Renewable, k.From, k.VendorNow = true, a.host, a.date
	return k, nil
}

// fault says what an answer that is not 200 means. login is what to do if the
// login was not accepted. secrets are cut out of what the vendor says.
func (a answer) fault(login string, secrets ...Secret) error {
	text := fmt.Sprintf("%s answered %d%s", a.host, a.status, a.reason(secrets))
	switch {
	case a.redirects():
		return &Fault{Kind: ErrLogin, Text: a.host + " sent us to log in: the login has expired or is not valid there", Hint: login}
	case (a.status == 401 || a.status == 403) && a.says("eula"):
		return &Fault{Kind: ErrConsent, Text: a.host + " wants its licence or application approved first", Hint: a.consentHint()}
	case a.status == http.StatusUnauthorized:
		return &Fault{Kind: ErrLogin, Text: text, Hint: login}
	case a.status == http.StatusForbidden:
		return &Fault{Kind: ErrLogin, Text: text, Hint: "this login may not get keys here; check that it has access to this data"}
	case a.status == 500 && a.says("ExpiredToken"):
		// A vendor that passes on the refusal of STS.
		return &Fault{Kind: ErrLogin, Text: a.host + " says that the login has expired", Hint: login}
	case a.status == http.StatusServiceUnavailable && a.says("endpoint has been disabled"):
		return &Fault{Kind: ErrSetup, Text: text, Hint: "this archive gives no S3 keys; its files can be had over https"}
	case a.status >= 500 && a.status != http.StatusNotImplemented,
		a.status == http.StatusTooManyRequests, a.status == http.StatusRequestTimeout,
		a.status == http.StatusTooEarly, a.status == http.StatusFailedDependency:
		return &Fault{Text: text, Hint: "the vendor has trouble; xfer keeps asking", RetryAfter: a.retryAfter()}
	}
	return &Fault{Kind: ErrSetup, Text: text, Hint: "check that the URL is the one that hands out keys"}
}

// reason is what the vendor says itself, if it says so in one of the usual ways:
// the fields of a JSON error, or one short line of plain text.
func (a answer) reason(secrets []Secret) string {
	var fields map[string]any
	said := ""
	if json.Unmarshal(a.body, &fields) == nil {
		for _, name := range []string{"error_description", "message", "Message", "error"} {
			if text, ok := fields[name].(string); ok && text != "" {
				said = text
				break
			}
		}
	} else if len(a.body) <= 200 && !strings.ContainsAny(string(a.body), "<>{}") {
		said = string(a.body)
	}
	for _, s := range secrets {
		if !s.Empty() {
			said = strings.ReplaceAll(said, s.Reveal(), redacted)
		}
	}
	if said = printable(said); said == "" {
		return ""
	}
	return ": " + said
}

// consentHint names the page where the licence is accepted.
func (a answer) consentHint() string {
	var fields struct {
		URL string `json:"resolution_url"`
	}
	const hint = "log in to your Earthdata profile, accept the licence and approve the application"
	if json.Unmarshal(a.body, &fields) != nil || printable(fields.URL) != fields.URL ||
		!(strings.HasPrefix(fields.URL, "http://") || strings.HasPrefix(fields.URL, "https://")) {
		return hint
	}
	return "open " + fields.URL + " and approve it; the keys follow without a restart"
}

// printable makes one line of at most 200 characters that no terminal obeys.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
