package creds

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// errZoneless: the time has no zone, so it may mean any of 26 hours.
var errZoneless = errors.New("the expiry has no time zone")

// zoned are the spellings in use among vendors. Fractions of a second are
// accepted by all of them. The one with " MST" is Go's time.Time.String, the one
// with a space before the date's zone Python's str(datetime).
var zoned = []string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02 15:04:05 -0700 MST",
	"2006-01-02 15:04:05 -0700 -0700",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 Z07:00",
	"2006-01-02 15:04:05 UTC",
	"2006-01-02 15:04:05 GMT",
	time.RFC1123Z,
	"Mon, 02 Jan 2006 15:04:05 GMT",
}

var zoneless = []string{
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04",
}

// parseExpiry reads when keys die. No text and Go's zero time mean that it is
// not said. A number is seconds, or milliseconds, since 1970.
func parseExpiry(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	text, _, _ = strings.Cut(text, " m=") // what time.Time.String adds for a monotonic reading
	if text == "" {
		return time.Time{}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return epoch(n)
	}
	for _, layout := range zoned {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	for _, layout := range zoneless {
		if _, err := time.Parse(layout, text); err == nil {
			return time.Time{}, errZoneless
		}
	}
	return time.Time{}, errors.New("the expiry is not a time in any known spelling")
}

func epoch(n int64) (time.Time, error) {
	switch {
	case n >= 1e9 && n < 1e11:
		return time.Unix(n, 0).UTC(), nil
	case n >= 1e12 && n < 1e14:
		return time.UnixMilli(n).UTC(), nil
	}
	return time.Time{}, errors.New("the expiry is a number, but not of seconds since 1970")
}
