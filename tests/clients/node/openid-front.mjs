// openid-client where ID tokens come by the browser: in the fragment, or in a form. See conversation.mjs for what is said on the pipes.
import { converse } from './conversation.mjs'

await converse(async (party, ask) => {
  const client = await import('openid-client')
  const metadata = { id_token_signed_response_alg: 'RS256' }
  const authentication = client.ClientSecretBasic(party.client_secret)
  const configuration = await client.discovery(new URL(party.origin), party.client_id, metadata, authentication, {
    execute: [client.allowInsecureRequests], // loopback
  })
  const isImplicit = party.response_type === 'id_token'
  if (isImplicit) client.useIdTokenResponseType(configuration)
  if (party.response_type === 'code id_token') client.useCodeIdTokenResponseType(configuration)

  const state = client.randomState()
  const nonce = client.randomNonce()
  const verifier = client.randomPKCECodeVerifier()
  const challenge = { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }
  const asked = { redirect_uri: party.redirect_uri, scope: 'openid profile', state, nonce, ...(isImplicit ? {} : challenge) }
  const mode = party.response_mode ? { response_mode: party.response_mode } : {}
  const came = await ask(client.buildAuthorizationUrl(configuration, { ...asked, ...mode }).href)
  const callback = typeof came === 'string' ? new URL(came) : came
  if (isImplicit) return { claims: await client.implicitAuthentication(configuration, callback, nonce, { expectedState: state }) }

  const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }
  const tokens = await client.authorizationCodeGrant(configuration, callback, checks)
  const told = await client.fetchUserInfo(configuration, tokens.access_token, tokens.claims().sub)
  return { claims: tokens.claims(), told }
})
