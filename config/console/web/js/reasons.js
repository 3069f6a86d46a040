// What each reason of the pipe means, and what to do about it. A Go test holds the
// names to schemas.Reason.

export const reasons = {
  ok: { text: "The receiver took it.", todo: "Nothing." },

  timeout: { text: "The receiver did not answer in time.", todo: "Answer first and work afterwards: put the event into a queue and return 2xx. If it cannot be quicker, give the endpoint a longer timeout." },
  dns: { text: "The host name of the URL could not be resolved.", todo: "Check the spelling of the URL and that its DNS record exists. A record that was made just now may need some minutes." },
  connect: { text: "No TCP connection could be made.", todo: "Check that the receiver runs, listens on the port of the URL, and that its firewall lets Tidings in." },
  tls: { text: "The TLS handshake failed.", todo: "Check that the certificate is valid, not expired, made for this host name, and sent with its intermediate certificates." },
  reset: { text: "The connection broke while the request was under way.", todo: "Look in the log of the receiver, and of the proxy before it, for a crash, a restart or a limit on the size of requests." },
  bad_response: { text: "What came back was no HTTP response, or one beyond a bound.", todo: "Check that the URL leads to an HTTP server, and with https to one that speaks TLS. Answer with small headers and a small body." },
  redirect: { text: "The receiver answered with a redirect, which is never followed.", todo: "Put the address it redirects to into the endpoint's URL." },
  client_error: { text: "The receiver refused the request with a 4xx status.", todo: "Read the response below. 401 or 403: it does not accept the signature, so check its secret. 404: check the path of the URL. 400 or 422: it does not understand the body." },
  server_error: { text: "The receiver failed with a 5xx status.", todo: "Look in the receiver's log at this time. While its schedule lasts it is tried again by itself; else resend it once the receiver is mended." },
  throttled: { text: "The receiver asked to be left alone for a while.", todo: "Nothing, if it is rare: Tidings waits as long as was asked. Else give the endpoint a rate that its receiver can take." },
  egress_denied: { text: "The address is one that Tidings must not call.", todo: "Use a public https URL. For receivers in your own network the operator opens their range with --egress-allow." },
  no_consent: { text: "The receiver has not agreed to get events.", todo: "Have it answer the OPTIONS request with WebHook-Allowed-Origin, or turn the endpoint's handshake off." },
  nacked: { text: "Whoever pulled it gave it back.", todo: "Look at what they said below. It is handed out again by the schedule; mend what keeps them from taking it." },

  exhausted: { text: "Every attempt of the schedule failed.", todo: "Mend what the attempts below met, then resend it, or replay all that failed since." },
  not_retried: { text: "It failed, and its dialect or schedule allows no other attempt.", todo: "Mend what the attempt met, then resend it. To have such failures tried again give the endpoint a retry schedule." },
  gone: { text: "The receiver answered 410, which disables the endpoint.", todo: "If it is still wanted, have the receiver answer differently and enable the endpoint; then replay what died. Else delete the endpoint." },
  status_disables: { text: "The receiver answered with a status at which the endpoint's policy disables it.", todo: "Mend the receiver, or take the status out of the policy; then enable the endpoint and replay what died." },
  failing: { text: "The endpoint did nothing but fail for so long that it was disabled.", todo: "Mend the receiver, send a test event, enable the endpoint, and replay what died." },
  manual: { text: "Somebody has disabled the endpoint.", todo: "Enable the endpoint once it is wanted again, and replay what died." },
  endpoint_disabled: { text: "The endpoint was disabled before this could be attempted.", todo: "Enable the endpoint, then replay what died." },
  endpoint_deleted: { text: "The endpoint no longer exists.", todo: "Nothing, if that was meant. Else make an endpoint anew and replay what it misses." },
  too_old: { text: "It became older than the endpoint's policy allows.", todo: "If late is better than never, raise max_age of the endpoint's policy and resend it." },
  too_large: { text: "Its data has more bytes than the endpoint's policy allows.", todo: "Raise max_payload of the endpoint's policy, or publish less data, for example a link to it." },
  queue_full: { text: "As many deliveries as the policy allows waited for the endpoint already.", todo: "Find out why the endpoint is behind. Then replay what died, or raise max_held of its policy." },
  skipped: { text: "The endpoint was resumed from a later time, so what was older was skipped.", todo: "Nothing, if that was meant. Else resend it, or replay what was skipped." },
  endpoint_invalid: { text: "No request can be made for this endpoint.", todo: "Check its URL, headers and dialect: the detail of the attempt names what is wrong." },
  unworded: { text: "The endpoint's dialect has no words for this event.", todo: "Subscribe the endpoint to types that its dialect has, or give it the dialect standard, which carries all." },
  unreadable: { text: "The stored delivery could not be read.", todo: "Tell the operator: stored data is damaged, or another version wrote it. The event itself may still be there to replay." },
  event_expired: { text: "The event's data is no longer stored.", todo: "Publish the event anew if it is still wanted. Large events live as long as --events-max-age, or the tenant's retention, says." },
  crashed: { text: "Handling it crashed again and again: a defect of Tidings.", todo: "Tell the operator, who finds the cause in the log, and report it with the event's type and size." },

  event_invalid: { text: "What was published is no CloudEvent that Tidings accepts.", todo: "Mend the producer: the detail names the attribute that is wrong." },
  tenant_unknown: { text: "It was published for a tenant that does not exist.", todo: "Check the tenant's id in the producer's subject, or create the tenant." },
  schema_invalid: { text: "Its data breaks the schema of its type.", todo: "Mend the producer: the detail names the member and the rule. Or have the tenant's validation only warn." },
};

// deaths are those of deliveries, in the order of the alphabet.
const named = Object.keys(reasons);
export const deaths = named.slice(named.indexOf("exhausted"), named.indexOf("event_invalid")).filter((r) => r !== "manual").sort();

const unknown = { text: "This page does not know the reason.", todo: "Read the detail, and load this page anew: Tidings may be newer than it." };

export const explain = (reason) => reasons[reason] ?? unknown;
