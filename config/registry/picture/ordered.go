package picture

import (
	"slices"
	"sort"
)

// ordered keeps values by id, in order, in pieces of bounded size: so a value
// among 100 000 is put, found or removed without moving the others.
type ordered[V any] struct{ pieces [][]entry[V] }

type entry[V any] struct {
	id    string
	value V
}

const pieceSize = 512

// locate is the piece an id belongs into, and where in it.
func (o *ordered[V]) locate(id string) (piece, at int, found bool) {
	piece = sort.Search(len(o.pieces), func(i int) bool { return o.pieces[i][0].id > id }) - 1
	if piece < 0 {
		return 0, 0, false
	}
	p := o.pieces[piece]
	at = sort.Search(len(p), func(i int) bool { return p[i].id >= id })
	return piece, at, at < len(p) && p[at].id == id
}

func (o *ordered[V]) len() (n int) {
	for _, p := range o.pieces {
		n += len(p)
	}
	return n
}

func (o *ordered[V]) put(id string, v V) {
	if len(o.pieces) == 0 {
		o.pieces = [][]entry[V]{{{id, v}}}
		return
	}
	i, at, found := o.locate(id)
	if found {
		o.pieces[i][at].value = v
		return
	}
	p := slices.Insert(o.pieces[i], at, entry[V]{id, v})
	o.pieces[i] = p
	if len(p) > pieceSize {
		// Ids are mostly made in order: the left piece stays nearly full.
		cut := len(p) * 3 / 4
		o.pieces = slices.Insert(o.pieces, i+1, slices.Clone(p[cut:]))
		clear(p[cut:])
		o.pieces[i] = p[:cut:cut]
	}
}

func (o *ordered[V]) remove(id string) {
	i, at, found := o.locate(id)
	if !found {
		return
	}
	if o.pieces[i] = slices.Delete(o.pieces[i], at, at+1); len(o.pieces[i]) == 0 {
		o.pieces = slices.Delete(o.pieces, i, i+1)
	}
}

func (o *ordered[V]) empty() bool { return len(o.pieces) == 0 }

// after is up to limit values whose ids come after one; all of them if limit is
// 0.
func (o *ordered[V]) after(id string, limit int) []V {
	var page []V
	i, at, found := o.locate(id)
	if found {
		at++
	}
	for ; i < len(o.pieces); i, at = i+1, 0 {
		for _, e := range o.pieces[i][at:] {
			page = append(page, e.value)
			if len(page) == limit {
				return page
			}
		}
	}
	return page
}
