package s3sim

import (
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// pythonTime is how str(datetime) writes an aware UTC time without microseconds.
const pythonTime = "2006-01-02 15:04:05-07:00"

// ServeHTTP vends.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sw := &vendorWriter{ResponseWriter: w}
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 64<<10)) // nothing is read from it
	defer v.record(sw, r, time.Now())
	v.mu.Lock()
	hang, skew, down := v.hang, v.skew, v.isDown()
	answer, forced := Answer{}, false
	if !hang && !down {
		answer, forced = v.nextAnswer()
	}
	v.mu.Unlock()
	if skew != 0 {
		w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
	}
	switch {
	case hang:
		select {
		case <-r.Context().Done():
		case <-v.done:
		}
		panic(http.ErrAbortHandler)
	case down:
		w.Header().Set("Retry-After", "1")
		v.say(sw, http.StatusServiceUnavailable, "text/plain", "the vendor is down")
	case forced:
		if answer.Location != "" {
			w.Header().Set("Location", answer.Location)
		}
		v.say(sw, answer.Status, answer.ContentType, answer.Body)
	default:
		v.route(sw, r)
	}
}

func (v *Vendor) route(w *vendorWriter, r *http.Request) {
	switch v.cfg.Flavour {
	case EODH:
		v.serveEODH(w, r)
	case Web:
		if !v.bearerOK(r) && v.cfg.Token != "" {
			v.say(w, http.StatusUnauthorized, "application/json", `{"error":"invalid_token"}`)
			return
		}
		v.giveKey(w, time.RFC3339)
	default:
		v.serveEarthdata(w, r)
	}
}

func (v *Vendor) serveEODH(w *vendorWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/workspaces/")
	workspace, ok2 := strings.CutSuffix(rest, "/me/s3-tokens")
	switch {
	case !ok || !ok2 || (v.cfg.Workspace != "" && workspace != v.cfg.Workspace):
		v.say(w, http.StatusNotFound, "text/plain", "404 page not found\n")
	case r.Method != http.MethodPost:
		v.say(w, http.StatusMethodNotAllowed, "text/plain", "")
	case r.Header.Get("Authorization") == "":
		v.say(w, http.StatusUnauthorized, "text/plain", "authorization header missing\n")
	case !v.bearerOK(r):
		v.say(w, http.StatusUnauthorized, "text/plain", "invalid bearer jwt token\n")
	default:
		v.giveKey(w, time.RFC3339)
	}
}

// serveEarthdata is /s3credentials and the end of the login's redirects.
func (v *Vendor) serveEarthdata(w *vendorWriter, r *http.Request) {
	back, cookie, moved := "/login", "asf-urs", http.StatusMovedPermanently
	if v.cfg.Flavour == Cumulus {
		back, cookie, moved = "/redirect", "accessToken", http.StatusTemporaryRedirect
	}
	switch {
	case r.URL.Path == back && v.cfg.Login != nil:
		if !v.cfg.Login.redeem(r.URL.Query().Get("code")) {
			v.say(w, http.StatusBadRequest, "text/html", "<html>problem talking to URS Login</html>")
			return
		}
		session := randomHex(32)
		v.mu.Lock()
		v.sessions[session] = true
		v.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: session, Path: "/", HttpOnly: true})
		w.Header().Set("Location", r.URL.Query().Get("state"))
		v.say(w, moved, "", "")
	case r.URL.Path != "/s3credentials" || r.Method != http.MethodGet:
		v.say(w, http.StatusNotFound, "application/json", `{"message":"Not Found"}`)
	case v.bearerOK(r) || v.hasSession(r, cookie):
		v.giveKey(w, pythonTime)
	case strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "bearer ") && v.cfg.Flavour == TEA:
		v.say(w, http.StatusUnauthorized, "application/json", `{"error":"invalid_token","error_description":"The token is either malformed or does not exist"}`)
	case v.cfg.Login != nil:
		q := url.Values{
			"client_id": {"s3sim"}, "response_type": {"code"}, "redirect_uri": {"http://" + r.Host + back}, "state": {"/s3credentials"},
		}
		status := http.StatusFound
		if v.cfg.Flavour == Cumulus {
			status = http.StatusTemporaryRedirect
		} else if !strings.HasPrefix(r.UserAgent(), "Mozilla") {
			q.Set("app_type", "401")
		}
		w.Header().Set("Location", v.cfg.Login.URL()+"/oauth/authorize?"+q.Encode())
		v.say(w, status, "", "")
	default:
		v.say(w, http.StatusUnauthorized, "application/json", `{"error":"invalid_token"}`)
	}
}

func (v *Vendor) hasSession(r *http.Request, name string) bool {
	cookie, err := r.Cookie(name)
	if err != nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sessions[cookie.Value]
}

// AddSession makes the Vendor accept a cookie value, as from a browser's login.
func (v *Vendor) AddSession(value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sessions[value] = true
}

func (v *Vendor) bearerOK(r *http.Request) bool {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(scheme, "Bearer") && v.cfg.Token != "" && hmac.Equal([]byte(token), []byte(v.cfg.Token))
}

// giveKey answers with a key, the names in the order TEA gives them.
func (v *Vendor) giveKey(w *vendorWriter, layout string) {
	v.mu.Lock()
	k := v.vend()
	told := k.Expires.Add(v.skew).UTC().Format(layout)
	v.mu.Unlock()
	var b strings.Builder
	for i, field := range [...][2]string{
		{"accessKeyId", k.ID}, {v.cfg.SecretName, k.Secret}, {"sessionToken", k.Token}, {"expiration", told},
	} {
		b.WriteString([]string{"{", ", ", ", ", ", "}[i])
		name, _ := json.Marshal(field[0]) // strings always marshal
		value, _ := json.Marshal(field[1])
		b.Write(name)
		b.WriteString(": ")
		b.Write(value)
	}
	b.WriteString("}")
	w.gaveKey = true
	v.say(w, http.StatusOK, v.cfg.ContentType, b.String())
}

func (v *Vendor) say(w *vendorWriter, status int, contentType, body string) {
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a caller that went away needs no answer
}

func (v *Vendor) record(w *vendorWriter, r *http.Request, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !w.gaveKey {
		v.refused++
	}
	v.requests = append(v.requests, Request{
		Time: at, Method: r.Method, Host: r.Host, URI: r.RequestURI, Header: r.Header.Clone(), Status: w.status,
	})
}

type vendorWriter struct {
	http.ResponseWriter
	status  int
	gaveKey bool
}

func (w *vendorWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
