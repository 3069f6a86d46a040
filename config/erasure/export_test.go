package erasure

// FailRewritten has each message of LOG fail between its being stored anew and its
// removal, or none.
func (e *Eraser) FailRewritten(err error) {
	e.rewritten = func() error { return err }
}
