//go:build !race

package engine

const withRace = false
