package telemetry

// Kind is how an instrument's numbers behave.
type Kind string

const (
	Counter   Kind = "counter"   // only grows, from 0 at the process's start
	Gauge     Kind = "gauge"     // what is so at the moment
	Histogram Kind = "histogram" // how values are spread over buckets
)

// Instrument is one thing that is measured.
type Instrument struct {
	Name       string // OpenTelemetry's
	Kind       Kind
	Unit       string   // UCUM; {curly} units are words for people
	Attributes []string // keys, in the order in which [Observe] takes their values
	Meaning    string
	Buckets    []float64 // upper bounds, of a histogram
	watched    bool      // read when somebody looks, by [Telemetry.Watch]
}

// Attributes.
const (
	attrDoor       = "tidings.door"
	attrCode       = "tidings.code"
	attrTenant     = "tidings.tenant"
	attrReason     = "tidings.reason"
	attrOutcome    = "tidings.outcome"
	attrPhase      = "tidings.phase"
	attrAttempt    = "tidings.attempt"
	attrRefusal    = "tidings.egress.refusal"
	attrState      = "tidings.breaker.state"
	attrRole       = "tidings.role"
	attrPartition  = "tidings.partition"
	attrEndpoint   = "tidings.endpoint"
	attrKind       = "tidings.kind"
	attrStream     = "tidings.stream"
	attrConnection = "tidings.connection"
	attrVersion    = "tidings.version"
	attrGo         = "tidings.go.version"
)

// Names of what is watched: who watches it names it.
const (
	InFlight           = "tidings.attempts.in_flight"
	Waiting            = "tidings.deliveries.waiting"
	OldestDelivery     = "tidings.deliveries.oldest.age"
	WorstByAge         = "tidings.endpoint.oldest.age"
	WorstByHeld        = "tidings.endpoint.held"
	HeldEndpoints      = "tidings.endpoints.held"
	PulledWaiting      = "tidings.pull.waiting"
	PulledEndpoints    = "tidings.pull.endpoints"
	PulledOldest       = "tidings.pull.oldest.age"
	WorstPulledByAge   = "tidings.pull.endpoint.oldest.age"
	WorstPulledByCount = "tidings.pull.endpoint.waiting"
	Breakers           = "tidings.breakers"
	Partitions         = "tidings.partitions"
	PartitionsOwned    = "tidings.partitions.owned"
	ConsumerPending    = "tidings.consumer.pending"
	ConsumerUnacked    = "tidings.consumer.ack_pending"
	ConsumerOldest     = "tidings.consumer.oldest.age"
	LookAge            = "tidings.lag.look.age"
	FleetBacklog       = "tidings.fleet.backlog"
	FleetOldest        = "tidings.fleet.oldest.age"
	RegistryObjects    = "tidings.registry.objects"
	BrokerConnected    = "tidings.broker.connected"
	BrokerStorageUsed  = "tidings.broker.storage.used"
	BrokerStorageMax   = "tidings.broker.storage.limit"
	DiskFree           = "tidings.broker.disk.free"
	DiskSize           = "tidings.broker.disk.size"
	StreamMessages     = "tidings.stream.messages"
	StreamBytes        = "tidings.stream.bytes"
	LogWritten         = "tidings.log.written"
	LogDropped         = "tidings.log.dropped"
	LogWaiting         = "tidings.log.waiting"
	LogLag             = "tidings.log.lag"
	buildInfo          = "tidings.build.info"
	goroutines         = "go.goroutine.count"
	memoryUsed         = "go.memory.used"
)

var (
	// attemptBuckets end beyond the longest timeout that is the default of a dialect.
	attemptBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60}
	phaseBuckets   = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	// latencyBuckets go from what an express delivery takes to the last retry of the
	// longest schedule: 3 days.
	latencyBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400, 259200}
)

// Instruments are all that a process measures, in the order of the pipe. Those of
// deliveries have no name in the semantic conventions (1.43): http.client.* and
// messaging.* ask for a server's address or a queue's name, and so for a series for
// each endpoint.
func Instruments() []Instrument {
	tenant := []string{attrTenant}
	return []Instrument{
		{Name: "tidings.events.accepted", Kind: Counter, Unit: "{event}", Attributes: []string{attrDoor, attrTenant}, Meaning: "Events that the HTTP API stored. Events published on NATS are seen first by fanout: matched and unmatched count those of all doors."},
		{Name: "tidings.events.repeated", Kind: Counter, Unit: "{event}", Attributes: []string{attrDoor, attrTenant}, Meaning: "Events that were stored already when the API got them again."},
		{Name: "tidings.events.rejected", Kind: Counter, Unit: "{request}", Attributes: []string{attrDoor, attrCode, attrTenant}, Meaning: "Requests to publish, with one event or many, that the API refused after it had let the caller in, by the code of the error."},
		{Name: "tidings.events.matched", Kind: Counter, Unit: "{event}", Attributes: tenant, Meaning: "Events that go to at least one endpoint. One that goes to over 1000 counts once for each 1000."},
		{Name: "tidings.events.unmatched", Kind: Counter, Unit: "{event}", Attributes: tenant, Meaning: "Events that no subscription matched."},
		{Name: "tidings.events.dead", Kind: Counter, Unit: "{event}", Attributes: []string{attrReason, attrTenant}, Meaning: "Events that died before they became deliveries."},
		{Name: "tidings.deliveries.made", Kind: Counter, Unit: "{delivery}", Attributes: tenant, Meaning: "Deliveries made of events, those of stored events for new subscriptions included. What a crash repeats counts again."},
		{Name: "tidings.fanout.latency", Kind: Histogram, Unit: "s", Meaning: "From the storing of an event to its deliveries being on their way. Stored events for new subscriptions are left out.", Buckets: latencyBuckets},
		{Name: "tidings.attempts", Kind: Counter, Unit: "{attempt}", Attributes: []string{attrOutcome, attrReason, attrTenant}, Meaning: "Requests made, or refused by the egress guard, by the verdict and by what they met (schemas.Reason)."},
		{Name: "tidings.deliveries.delivered", Kind: Counter, Unit: "{delivery}", Attributes: tenant, Meaning: "Deliveries that their receivers took."},
		{Name: "tidings.deliveries.retried", Kind: Counter, Unit: "{delivery}", Attributes: []string{attrReason, attrTenant}, Meaning: "Attempts after which another is due."},
		{Name: "tidings.deliveries.dead", Kind: Counter, Unit: "{delivery}", Attributes: []string{attrReason, attrTenant}, Meaning: "Deliveries that were given up, and went to DEAD."},
		{Name: "tidings.attempt.duration", Kind: Histogram, Unit: "s", Attributes: []string{attrOutcome}, Meaning: "How long attempts took, from the choice of the endpoint to the end of the answer.", Buckets: attemptBuckets},
		{Name: "tidings.attempt.phase.duration", Kind: Histogram, Unit: "s", Attributes: []string{attrPhase}, Meaning: "How long their phases took: dns, connect, tls (new connections only), first_byte (sending included), body.", Buckets: phaseBuckets},
		{Name: "tidings.delivery.latency", Kind: Histogram, Unit: "s", Attributes: []string{attrAttempt}, Meaning: "From the storing of an event to a receiver's taking it, of deliveries that the first attempt delivered and of those that a later one did. Replays, and stored events for new subscriptions, are left out.", Buckets: latencyBuckets},
		{Name: "tidings.egress.refused", Kind: Counter, Unit: "{request}", Attributes: []string{attrRefusal}, Meaning: "Requests that the egress guard refused, by what it had against the address."},
		{Name: InFlight, Kind: Gauge, Unit: "{attempt}", Meaning: "Attempts under way in this process.", watched: true},
		{Name: Waiting, Kind: Gauge, Unit: "{delivery}", Meaning: "Deliveries that this process has taken and not begun to attempt.", watched: true},
		{Name: HeldEndpoints, Kind: Gauge, Unit: "{endpoint}", Meaning: "Endpoints whose deliveries wait in their own queue, being slow, down, paused or in order.", watched: true},
		{Name: Breakers, Kind: Gauge, Unit: "{endpoint}", Attributes: []string{attrState}, Meaning: "Endpoints by the state of their breaker, of those that were delivered to of late: open, half_open, ramping, closed.", watched: true},
		{Name: OldestDelivery, Kind: Gauge, Unit: "s", Attributes: tenant, Meaning: "Age of the oldest event that is still to be sent to some endpoint of this process's partitions: due, held, or waiting for a retry that this process has seen. A replay's begins when it was asked for. 0 if there is none.", watched: true},
		{Name: WorstByAge, Kind: Gauge, Unit: "s", Attributes: []string{attrEndpoint}, Meaning: "The same, of the few endpoints where it is oldest (--metrics-endpoints).", watched: true},
		{Name: WorstByHeld, Kind: Gauge, Unit: "{delivery}", Attributes: []string{attrEndpoint}, Meaning: "Deliveries in the held queues of the few endpoints where they are most (--metrics-endpoints).", watched: true},
		{Name: PulledWaiting, Kind: Gauge, Unit: "{delivery}", Meaning: "Deliveries in the queues from which receivers pull, those that are handed out included. Every process with the role api tells of all.", watched: true},
		{Name: PulledEndpoints, Kind: Gauge, Unit: "{endpoint}", Meaning: "Endpoints that have any there. The same of all such processes, as are the next.", watched: true},
		{Name: PulledOldest, Kind: Gauge, Unit: "s", Attributes: tenant, Meaning: "Age of the oldest event that waits to be pulled: at the head of a queue, or nacked and waiting for its retry, as far as this process has seen. A replay's begins when it was asked for. How often a receiver polls is its own affair, so this is apart from what is sent. 0 if there is none.", watched: true},
		{Name: WorstPulledByAge, Kind: Gauge, Unit: "s", Attributes: []string{attrEndpoint}, Meaning: "The same, of the few endpoints where it is oldest (--metrics-endpoints).", watched: true},
		{Name: WorstPulledByCount, Kind: Gauge, Unit: "{delivery}", Attributes: []string{attrEndpoint}, Meaning: "Deliveries in the queues of the few endpoints that are pulled from where they are most (--metrics-endpoints).", watched: true},
		{Name: Partitions, Kind: Gauge, Unit: "{partition}", Meaning: "Partitions that there are.", watched: true},
		{Name: PartitionsOwned, Kind: Gauge, Unit: "{partition}", Attributes: []string{attrRole}, Meaning: "Partitions that this process works on.", watched: true},
		{Name: ConsumerPending, Kind: Gauge, Unit: "{message}", Attributes: []string{attrRole, attrPartition}, Meaning: "Lag: events (fanout) or due deliveries (dispatcher) of a partition of this process that JetStream has not handed out.", watched: true},
		{Name: ConsumerUnacked, Kind: Gauge, Unit: "{message}", Attributes: []string{attrRole, attrPartition}, Meaning: "Those that it has handed out, and that are not acknowledged.", watched: true},
		{Name: ConsumerOldest, Kind: Gauge, Unit: "s", Attributes: []string{attrRole, attrPartition}, Meaning: "How long the oldest of these has waited, whether handed out or not: a retry since it is due. 0 if there is none.", watched: true},
		{Name: LookAge, Kind: Gauge, Unit: "s", Attributes: []string{attrRole}, Meaning: "How long ago JetStream last told all of the above: every 15 s if all is well.", watched: true},
		{Name: FleetBacklog, Kind: Gauge, Unit: "{message}", Attributes: []string{attrRole}, Meaning: "Events (fanout) or due deliveries (dispatcher) of all partitions that nobody has taken up: how much work more processes would find. What is held for an endpoint in trouble does not count. Every process with the role api tells of all, whether any of those runs or not.", watched: true},
		{Name: FleetOldest, Kind: Gauge, Unit: "s", Attributes: []string{attrRole}, Meaning: "How long the oldest of these has waited. 0 if there is none.", watched: true},
		{Name: RegistryObjects, Kind: Gauge, Unit: "{object}", Attributes: []string{attrKind}, Meaning: "What is in the registry: tenants, endpoints, subscriptions, types, tokens. Told by the role api.", watched: true},
		{Name: BrokerConnected, Kind: Gauge, Unit: "{connection}", Attributes: []string{attrConnection}, Meaning: "1 if the process's connection to NATS stands, 0 if it does not.", watched: true},
		{Name: BrokerStorageUsed, Kind: Gauge, Unit: "By", Meaning: "What JetStream stores in files for the account. Told by the role api.", watched: true},
		{Name: BrokerStorageMax, Kind: Gauge, Unit: "By", Meaning: "What it may store; there is none if nothing but the disk limits it. Told by the role api.", watched: true},
		{Name: DiskFree, Kind: Gauge, Unit: "By", Meaning: "What is free on the disk of the embedded broker.", watched: true},
		{Name: DiskSize, Kind: Gauge, Unit: "By", Meaning: "How large that is.", watched: true},
		{Name: StreamMessages, Kind: Gauge, Unit: "{message}", Attributes: []string{attrStream}, Meaning: "Messages in a stream. DEAD's are the dead letters that are kept. Told by the role api.", watched: true},
		{Name: StreamBytes, Kind: Gauge, Unit: "By", Attributes: []string{attrStream}, Meaning: "How much they take. Told by the role api.", watched: true},
		{Name: LogWritten, Kind: Counter, Unit: "{record}", Meaning: "Records of the delivery log that are stored.", watched: true},
		{Name: LogDropped, Kind: Counter, Unit: "{record}", Meaning: "Records that were left out of it: they could not be stored, and no more fit into memory.", watched: true},
		{Name: LogWaiting, Kind: Gauge, Unit: "By", Meaning: "Records that wait to be stored.", watched: true},
		{Name: LogLag, Kind: Gauge, Unit: "s", Meaning: "How long the oldest record that cannot be searched yet has been stored. Told by the role api.", watched: true},
		{Name: buildInfo, Kind: Gauge, Unit: "{process}", Attributes: []string{attrVersion, attrGo}, Meaning: "Always 1.", watched: true},
		{Name: goroutines, Kind: Gauge, Unit: "{goroutine}", Meaning: "Goroutines (semantic conventions).", watched: true},
		{Name: memoryUsed, Kind: Gauge, Unit: "By", Meaning: "Memory that the Go runtime uses (semantic conventions, without go.memory.type).", watched: true},
	}
}

// BreakerStates are the values of tidings.breaker.state: dispatcher/flow's.
func BreakerStates() []string { return []string{"open", "half_open", "ramping", "closed"} }
