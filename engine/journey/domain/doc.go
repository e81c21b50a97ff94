// Package domain is sets of values, as a checker of conditions knows them: intervals of numbers, times and durations,
// enumerations of texts, and which kinds of values may come at all. A set here always holds every value that is possible,
// and perhaps some that are not; so what it leaves out is proved never to come. It knows no expressions and no journeys.
package domain
