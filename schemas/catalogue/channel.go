package catalogue

import "encoding/json"

// ChannelOf is the id of the channel that an event with the data belongs to;
// empty if it belongs to none, or if the type is unknown (nil).
func (t *Type) ChannelOf(data []byte) string {
	if t == nil || t.Channel == "" {
		return ""
	}
	p := t.channel
	if p == nil { // a type that Parse did not make
		all, err := pointers([]string{t.Channel})
		if err != nil {
			return ""
		}
		p = all[0]
	}
	var room [1][]byte
	var id string
	for _, value := range p.Append(room[:0], data) {
		_ = json.Unmarshal(value, &id) // what is no string names no channel
	}
	return id
}
