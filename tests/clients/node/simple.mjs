// simple-oauth2 goes through a code flow. See conversation.mjs for what is said on the pipes.
import { createHash, randomBytes } from 'node:crypto'

import { converse } from './conversation.mjs'

await converse(async (door, ask) => {
  const { AuthorizationCode } = await import('simple-oauth2')
  const at = (tokenPath) =>
    new AuthorizationCode({
      client: { id: door.client_id, secret: door.client_secret },
      auth: { tokenHost: door.origin, tokenPath, authorizePath: door.authorize },
      options: { authorizationMethod: door.auth_method === 'client_secret_post' ? 'body' : 'header' },
    })

  const state = randomBytes(16).toString('base64url')
  const verifier = randomBytes(32).toString('base64url')
  const challenge = { code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' }
  const asked = { redirect_uri: door.redirect_uri, scope: door.scope, state, ...(door.pkce ? challenge : {}) }

  const callback = new URL(await ask(at(door.token).authorizeURL(asked)))
  if (callback.searchParams.get('state') !== state) throw new Error('another state came back')
  const code = callback.searchParams.get('code')
  if (code === null) throw new Error(callback.searchParams.get('error'))
  const exchange = { code, redirect_uri: door.redirect_uri, ...(door.pkce ? { code_verifier: verifier } : {}) }
  const first = await at(door.token).getToken(exchange)
  const second = await at(door.refresh).createToken(first.token).refresh()
  return { first: first.token, second: second.token }
})
