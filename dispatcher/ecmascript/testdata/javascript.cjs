// Answers, line by line, what JavaScript makes of what the Go test made up.
// A line asks "text <base64>" or "string <base64>". The answer is "error", or
// in base64 what JSON.stringify writes, and for a text its canonical form after
// a space.
'use strict'
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const base64 = s => Buffer.from(s).toString('base64')

// RFC 8785.
function canonicalize (v) {
  if (v === null || typeof v !== 'object') return JSON.stringify(v)
  if (Array.isArray(v)) return '[' + v.map(canonicalize).join(',') + ']'
  return '{' + Object.keys(v).sort().map(k => JSON.stringify(k) + ':' + canonicalize(v[k])).join(',') + '}'
}

function answer (kind, bytes) {
  const s = bytes.toString()
  if (s !== decoder.decode(bytes)) throw new Error('Buffer and TextDecoder differ: ' + bytes.toString('hex'))
  if (kind === 'string') return base64(JSON.stringify(s))
  let value
  try {
    value = JSON.parse(s)
  } catch {
    return 'error'
  }
  return base64(JSON.stringify(value)) + ' ' + base64(canonicalize(value))
}

const lines = require('node:fs').readFileSync(0, 'latin1').split('\n').slice(0, -1)
process.stdout.write(lines.map(line => {
  const [kind, bytes] = line.split(' ')
  return answer(kind, Buffer.from(bytes, 'base64')) + '\n'
}).join(''))
