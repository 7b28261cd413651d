// A client talks with the test that started it, a line of JSON at a time: it is given a door as its argument, says the address to which
// it would send a person, is told the address at which that person came back (and the form that they posted there), and says what it got in the end.
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline/promises'

globalThis.crypto ??= webcrypto // Node 18 has it under this name alone

export async function converse(flow) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const say = (message) => process.stdout.write(JSON.stringify(message) + '\n')
  const ask = async (address) => {
    say({ address })
    const { callback, body } = JSON.parse((await lines.next()).value)
    return body === undefined ? callback : posted(callback, body)
  }
  try {
    say(await flow(JSON.parse(process.argv[2]), ask))
  } catch (error) {
    say({ error: error.error ?? error.data?.payload?.error ?? error.message, cause: String(error.cause ?? '') })
  }
  process.exit(0)
}

// What a browser posts to the client, as the client's framework hands it over.
function posted(address, body) {
  return new Request(address, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body })
}

// The key that a client signs its assertions with, from a JWK.
export async function signingKey(jwk) {
  const algorithm = jwk.kty === 'EC' ? { name: 'ECDSA', namedCurve: jwk.crv } : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])
  return jwk.kid ? { key, kid: jwk.kid } : key
}
