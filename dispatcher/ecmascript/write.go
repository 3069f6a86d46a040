package ecmascript

// writer appends a document's value to out.
type writer struct {
	out     []byte
	nodes   []node
	order   order
	members []member // of the objects that are open, the innermost one's last
}

// value appends the value that starts at a node.
func (w *writer) value(i int) {
	switch n := w.nodes[i]; n.kind {
	case kindWord:
		w.out = append(w.out, n.text...)
	case kindNumber:
		w.out = appendNumber(w.out, n.text)
	case kindString:
		w.out = appendQuoted(w.out, n.text)
	case kindArray:
		w.array(i)
	case kindObject:
		w.object(i)
	}
}

func (w *writer) array(i int) {
	w.out = append(w.out, '[')
	end := w.nodes[i].end
	for at := i + 1; at < end; at = w.nodes[at].end {
		if at > i+1 {
			w.out = append(w.out, ',')
		}
		w.value(at)
	}
	w.out = append(w.out, ']')
}

func (w *writer) object(i int) {
	base := len(w.members)
	end := w.nodes[i].end
	for at := i + 1; at < end; at = w.nodes[at+1].end {
		w.members = append(w.members, member{name: at, value: at + 1, index: arrayIndex(w.nodes[at].text)})
	}
	count := w.arrange(w.members[base:])
	w.members = w.members[:base+count]
	w.out = append(w.out, '{')
	for at := base; at < base+count; at++ {
		if at > base {
			w.out = append(w.out, ',')
		}
		m := w.members[at]
		w.out = appendQuoted(w.out, w.name(m))
		w.out = append(w.out, ':')
		w.value(m.value)
	}
	w.out = append(w.out, '}')
	w.members = w.members[:base]
}

// name is a member's name, in WTF-8.
func (w *writer) name(m member) string { return w.nodes[m.name].text }
