package catalogue

import "encoding/json"

// ChannelOf is the id of the channel that an event with the data belongs to;
// empty if it belongs to none, or if the type is unknown (nil).
func (t *Type) ChannelOf(data []byte) string {
	if t == nil || t.Channel == "" {
		return ""
	}
	var id string
	for _, value := range lookup(data, t.Channel) {
		_ = json.Unmarshal(value, &id) // what is no string names no channel
	}
	return id
}
