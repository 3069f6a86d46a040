package schemas

// Express takes a delivery that is stored nowhere yet but in its event, and
// reports whether it does. One that it takes is attempted at once, without a way
// through the delivery queues.
//
// It then calls release, once. release(true) means that the delivery is settled,
// or that what comes next of it is stored. release(false) means that it must be
// stored on its endpoint's queue, like one that was not taken: whoever reads it
// there knows what has become of it. It may be called from any goroutine, before
// Express has returned too, and must not block.
type Express func(d *Delivery, release func(settled bool)) bool
