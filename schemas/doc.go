// Package schemas is what Wend remembers, reads and writes: events, customers' documents and actions, the values they
// are made of, and the bytes of each. It knows formats, never journeys: what a document's fields are for is decided in
// the language, what a record means in the engine.
//
// Nothing here reads a clock, keeps a global or starts a goroutine. Bytes from outside are an error at worst: never a
// panic, and never an allocation out of proportion to their length.
package schemas
