package engine

// Instance is this process's exclusive hold of a data directory, and the id that is kept there.
type Instance struct {
	ID string // group.instance.id
}

// LoadInstance locks dataDir for this process (made if missing) and gives the id kept in it, making one at first.
func LoadInstance(dataDir string) (*Instance, error) { return nil, nil }

// Close gives up the lock.
func (i *Instance) Close() error { return nil }
