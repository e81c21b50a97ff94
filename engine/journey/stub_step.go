package journey

import (
	"wend/schemas"
	"wend/schemas/yamlfile"
)

type stepper struct{}
type plan struct{}

// Program is a compiled workspace: immutable, and safe for concurrent Steps on different documents.
type Program struct{}

// Compile makes a Program; nil when a problem is an error.
func Compile(ws *Workspace) (*Program, yamlfile.Problems) { return &Program{}, nil }

// Step handles one input of a customer.
func (p *Program) Step(customer string, doc *schemas.Document, in Input, out *Effects) {}

// NextDue is the earliest due time of an armed timer, or schemas.Never.
func (p *Program) NextDue(doc *schemas.Document) int64 { return schemas.Never }

// Journeys are the names of the journeys, in the order in which they are offered an event.
func (p *Program) Journeys() []string { return nil }

// Channels are the channels that a send of the program names, sorted.
func (p *Program) Channels() []string { return nil }
