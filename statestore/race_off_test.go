//go:build !race

package statestore

const withRace = false
