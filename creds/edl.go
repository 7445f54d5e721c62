package creds

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tokens gets bearer tokens from Earthdata Login for a password and keeps the
// newest. An account has at most two tokens, each good for 60 days. They are
// shared with everything else the user runs, so none is ever revoked here.
// Source: https://urs.earthdata.nasa.gov/documentation/for_users/user_token
type tokens struct {
	login   *url.URL
	call    caller
	held    Secret
	user    string    // whose token is held
	until   time.Time // when the held token dies
	refused Secret    // a token an archive did not accept
}

const (
	// tokenMargin is how long before its end a token is no longer used.
	tokenMargin = 10 * time.Minute
	// tokenShort is what is left of a token when another one is asked for.
	tokenShort = 24 * time.Hour
)

// get returns a token that was not refused and lives for a while. A terminal
// error that is not ErrLogin means that there is no token to be had, not that
// the password is wrong.
func (t *tokens) get(ctx context.Context, l login) (Secret, error) {
	if !t.held.Empty() && t.user == l.user && time.Until(t.until) > tokenMargin {
		return t.held, nil
	}
	t.held = Secret{}
	token, until, err := t.post(ctx, "api/users/find_or_create_token", l)
	if err != nil {
		return Secret{}, err
	}
	if time.Until(until) < tokenShort || token.Equal(t.refused) {
		// The account may have room for a second one. If not, what was found is
		// used while it lasts.
		other, otherUntil, err := t.post(ctx, "api/users/token", l)
		switch {
		case err == nil:
			token, until = other, otherUntil
		case token.Equal(t.refused):
			return Secret{}, err
		}
	}
	t.held, t.user, t.until = token, l.user, until
	return token, nil
}

// refuse notes that an archive did not accept a token.
func (t *tokens) refuse(token Secret) { t.held, t.refused = Secret{}, token }

// post makes one call of the token API.
func (t *tokens) post(ctx context.Context, path string, l login) (Secret, time.Time, error) {
	header := http.Header{"Accept": {"application/json"}, "Authorization": {l.basic()}}
	a, err := t.call.do(ctx, http.MethodPost, t.login.JoinPath(path), header)
	if err != nil {
		return Secret{}, time.Time{}, err
	}
	switch {
	case a.status == http.StatusUnauthorized:
		return Secret{}, time.Time{}, &Fault{Kind: ErrLogin, Text: a.host + " does not accept the user or the password",
			Hint: fmt.Sprintf("check them at %s; ~/.netrc is read again while xfer waits", t.login)}
	case a.status == http.StatusForbidden, a.redirects():
		return Secret{}, time.Time{}, &Fault{Kind: ErrSetup, Text: a.host + " gives no token"}
	case a.status != http.StatusOK && a.status != http.StatusCreated:
		return Secret{}, time.Time{}, a.fault("", l.password)
	}
	var got struct {
		Token string `json:"access_token"`
		Ends  string `json:"expiration_date"`
	}
	if json.Unmarshal(a.body, &got) != nil || !headerSafe(got.Token) || got.Token == "" {
		return Secret{}, time.Time{}, &Fault{Kind: ErrSetup, Text: a.host + " answered with no token"}
	}
	token := NewSecret(got.Token)
	until := jwtEnd(token)
	if until.IsZero() {
		// A day without an hour: nothing past its first moment is promised.
		until, _ = time.Parse("01/02/2006", got.Ends)
	}
	return token, until, nil
}

// jwtEnd is when a JSON Web Token dies, by its exp claim (RFC 7519, section
// 4.1.4). Zero if it is no such token or does not say. The signature is not
// checked: this decides only when to ask for another one.
func jwtEnd(token Secret) time.Time {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 || claims.Exp > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0)
}
