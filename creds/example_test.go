package creds_test

import (
	"context"
	"errors"
	"fmt"

	"xfer/creds"
)

// One Keeper serves all workers of one side of a job.
func Example() {
	ctx := context.Background()
	spec, err := creds.Parse("env:SRC")
	if err != nil {
		fmt.Println(err)
		return
	}
	env := map[string]string{"SRC_ACCESS_KEY_ID": "AKIAEXAMPLE", "SRC_SECRET_ACCESS_KEY": "example"}
	provider, err := creds.Open(ctx, spec, creds.Options{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		fmt.Println(err)
		return
	}
	var events []creds.Event // safe to read after Close
	keeper := creds.NewKeeper(ctx, provider, creds.KeeperOptions{
		Name:    "source",
		Observe: func(e creds.Event) { events = append(events, e) },
	})
	keys, err := keeper.Retrieve(ctx)
	fmt.Println(keys.AccessKeyID, err)

	// What a store does when the service refuses a request. The environment has
	// no other keys, and these never served.
	keeper.Rejected(keys.AccessKeyID, "ExpiredToken")
	_, err = keeper.Retrieve(ctx)
	fmt.Println(errors.Is(err, creds.ErrExpiring))

	keeper.Close()
	for _, e := range events {
		fmt.Println(e.Kind, e.KeyID)
	}
	// Output:
	// AKIAEXAMPLE <nil>
	// true
	// renewed MPLE
	// rejected MPLE
}
