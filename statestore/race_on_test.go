//go:build race

package statestore

const withRace = true
