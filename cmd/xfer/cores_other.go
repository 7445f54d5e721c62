//go:build !unix

package main

func keepSecretsOutOfCores() {}
