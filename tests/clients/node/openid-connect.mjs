// openid-client as a relying party that knows no more than the issuer. See conversation.mjs for what is said on the pipes.
import { converse, signingKey } from './conversation.mjs'

await converse(async (party, ask) => {
  const client = await import('openid-client')
  const authentication = {
    client_secret_basic: () => client.ClientSecretBasic(party.client_secret),
    client_secret_post: () => client.ClientSecretPost(party.client_secret),
    client_secret_jwt: () => client.ClientSecretJwt(party.client_secret),
    private_key_jwt: async () => client.PrivateKeyJwt(await signingKey(party.private_key)),
    none: () => client.None(),
  }
  const configuration = await client.discovery(
    new URL(party.origin),
    party.client_id,
    party.metadata,
    await authentication[party.auth_method](),
    { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }, // loopback; every signature is verified
  )

  const state = client.randomState()
  const nonce = client.randomNonce()
  const verifier = client.randomPKCECodeVerifier()
  const address = client.buildAuthorizationUrl(configuration, {
    redirect_uri: party.redirect_uri,
    scope: party.scope,
    state,
    nonce,
    max_age: '3600',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, maxAge: 3600, idTokenExpected: true }
  const first = await client.authorizationCodeGrant(configuration, new URL(await ask(address.href)), checks)
  const claims = first.claims()
  const told = await client.fetchUserInfo(configuration, first.access_token, claims.sub)

  const second = await client.refreshTokenGrant(configuration, first.refresh_token)
  const known = party.auth_method === 'none' ? { active: true } : await client.tokenIntrospection(configuration, second.access_token)
  await client.tokenRevocation(configuration, second.refresh_token)
  const after = await client.fetchUserInfo(configuration, second.access_token, claims.sub).then(
    () => 'alive',
    (error) => error.cause?.[0]?.parameters?.error ?? error.message,
  )
  const leaving = { id_token_hint: first.id_token, post_logout_redirect_uri: party.post_logout_redirect_uri, state }
  const logout = party.post_logout_redirect_uri ? client.buildEndSessionUrl(configuration, leaving).href : undefined
  return { claims, told, renewed: second.claims(), active: known.active, after, logout, state }
})
