package engine

func (l *loading) file() (values []given, found bool) { return nil, false }
