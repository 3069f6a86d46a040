// The dialects: what an endpoint of each does by default. A test holds the figures
// to the pipe's own.

const days = ["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"];

export const dialects = {
  standard: { label: "Standard Webhooks", text: "The default: signed, carries every type.", timeout: "15s", retry: days, open: true },
  cloudevents: { label: "CloudEvents", text: "CloudEvents over HTTP, signed in the same way.", timeout: "15s", retry: days, open: true },
  roq: { label: "ROQ", text: "For receivers written for ROQ.", timeout: "15s", retry: ["30m", "1h", "1h30m", "2h", "2h30m"] },
  oneroute: { label: "OneRoute", text: "For receivers written for OneRoute.", timeout: "15s", retry: days },
  roam: { label: "Roam HQ", text: "For receivers written for Roam HQ. Nothing is retried.", timeout: "3s", retry: [] },
  relaybox: { label: "RelayBox", text: "For receivers written for RelayBox.", timeout: "5s", retry: ["500ms", "1s", "2s", "4s"] },
};
