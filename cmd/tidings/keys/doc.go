// Package keys makes the keys of a deployment: who may connect to NATS, what opens
// the secrets in the registry, the first administrator's token, and the certificates
// of the NATS servers.
//
// What exists is kept, so a second run changes nothing but what is missing or has
// nearly expired. Each file appears whole and is readable by its owner alone.
//
//	api.nk, fanout.nk, …   NKey seeds, for --nats-nkey of each role and for publishers
//	nats.env               their public keys, as the servers' environment
//	                       (deploy/nats/accounts.conf)
//	secrets.key            for --secrets-key-file
//	admin.token            for --admin-token-file
//	ca.pem, ca.key         an authority of its own
//	nats.pem, nats.key     what it vouches for: the NATS servers
package keys
