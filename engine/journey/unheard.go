package journey

// Unheard says that an event of that type, by its type alone, is nothing to any journey, profile, segment or window. Then Step,
// of a document as it left one of an earlier event, does no more than what schemas.DocumentReader.Note does, unless a timer is
// due ahead of the event.
func (p *Program) Unheard(typ string) bool {
	return p.types[typ] == nil && len(p.silences) == 0 && len(p.leaving) == 0 && !p.plain
}
