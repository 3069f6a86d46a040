// Package seal encrypts what the registry keeps of secrets, so that whoever
// reads the disk, a backup or the bucket cannot use them.
//
// A sealed text is AES-256-GCM (NIST SP 800-38D) under a random nonce of 96
// bits:
//
//	<key id>.<nonce and ciphertext and tag, in base64url without padding>
//
// The key's id is the first 4 bytes of the SHA-256 of "tidings key id" and the
// key, in hex: it tells keys apart and nothing about them. What the secret is
// about goes along as additional data: a sealed text that was moved to another
// record does not open there.
//
// Keys come from a file, the newest first. The first one seals, all of them
// open: so a key is rotated by putting a new one on top in every process, then
// sealing anew what [Keyring.Current] says is of an older key, then taking the
// old line away. One key seals 2^32 texts safely, which is far more than a
// registry writes.
package seal
