// oauth4webapi as a relying party, step by step and each answer checked. See conversation.mjs for what is said on the pipes.
import { converse, signingKey } from './conversation.mjs'

await converse(async (party, ask) => {
  const oauth = await import('oauth4webapi')
  const insecure = { [oauth.allowInsecureRequests]: true } // loopback
  const authentication = {
    client_secret_basic: () => oauth.ClientSecretBasic(party.client_secret),
    client_secret_post: () => oauth.ClientSecretPost(party.client_secret),
    client_secret_jwt: () => oauth.ClientSecretJwt(party.client_secret),
    private_key_jwt: async () => oauth.PrivateKeyJwt(await signingKey(party.private_key)),
    none: () => oauth.None(),
  }
  const issuer = new URL(party.origin)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const client = { client_id: party.client_id, ...party.metadata }
  const authenticated = [server, client, await authentication[party.auth_method]()]

  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const verifier = oauth.generateRandomCodeVerifier()
  const address = new URL(server.authorization_endpoint)
  address.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: party.redirect_uri,
    scope: party.scope,
    state,
    nonce,
    max_age: '3600',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const callback = oauth.validateAuthResponse(server, client, new URL(await ask(address.href)), state)
  const answer = await oauth.authorizationCodeGrantRequest(...authenticated, callback, party.redirect_uri, verifier, insecure)
  const expected = { expectedNonce: nonce, maxAge: 3600, requireIdToken: true }
  const first = await oauth.processAuthorizationCodeResponse(server, client, answer, expected)
  await oauth.validateApplicationLevelSignature(server, answer, insecure)
  const claims = oauth.getValidatedIdTokenClaims(first)

  const person = async (token) => {
    const said = await oauth.userInfoRequest(server, client, token, insecure)
    const told = await oauth.processUserInfoResponse(server, client, claims.sub, said)
    if (client.userinfo_signed_response_alg) await oauth.validateApplicationLevelSignature(server, said, insecure)
    return told
  }
  const told = await person(first.access_token)

  const renewal = await oauth.refreshTokenGrantRequest(...authenticated, first.refresh_token, insecure)
  const second = await oauth.processRefreshTokenResponse(server, client, renewal)
  await oauth.validateApplicationLevelSignature(server, renewal, insecure)
  let active = true
  if (party.auth_method !== 'none') {
    const known = await oauth.introspectionRequest(...authenticated, second.access_token, insecure)
    active = (await oauth.processIntrospectionResponse(server, client, known)).active
  }
  await oauth.processRevocationResponse(await oauth.revocationRequest(...authenticated, second.refresh_token, insecure))
  const after = await person(second.access_token).then(
    () => 'alive',
    (error) => error.cause?.[0]?.parameters?.error ?? error.message,
  )
  return { claims, told, renewed: oauth.getValidatedIdTokenClaims(second), active, after, state }
})
