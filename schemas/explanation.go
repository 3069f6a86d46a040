package schemas

// Explanation says whether an endpoint gets an event, and why not.
type Explanation struct {
	Endpoint EndpointID `json:"endpoint"`
	// Subscription is the one that matches or, if none does, the one that comes
	// nearest: whose first condition to fail is the last.
	Subscription SubscriptionID `json:"subscription,omitempty"`
	Matches      bool           `json:"matches"`
	// Condition names what fails first, like "types", "channel",
	// "filters[0].exact.subject", "scope" or "dialect"; empty if all hold.
	Condition string `json:"condition,omitempty"`
	// Detail says it in words. It never repeats data of the event.
	Detail string `json:"detail,omitempty"`
}
