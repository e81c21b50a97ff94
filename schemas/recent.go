package schemas

// Recent remembers the ids of the last 64 events and when each was handled.
type Recent struct{}
