//go:build !race

package oracle

const defaultCases = 300
