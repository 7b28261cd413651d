// openid-client goes through a code flow. See conversation.mjs for what is said on the pipes.
import { converse } from './conversation.mjs'

await converse(async (door, ask) => {
  const client = await import('openid-client')
  const authentication = door.auth_method === 'client_secret_post' ? client.ClientSecretPost : client.ClientSecretBasic

  // What a partner's documents say, where there is no metadata to discover.
  const described = (token) => {
    const server = { issuer: door.origin, authorization_endpoint: door.origin + door.authorize, token_endpoint: door.origin + token }
    const configuration = new client.Configuration(server, door.client_id, door.client_secret, authentication(door.client_secret))
    client.allowInsecureRequests(configuration) // loopback
    return configuration
  }
  const discovered = () =>
    client.discovery(new URL(door.origin), door.client_id, door.client_secret, authentication(door.client_secret), {
      algorithm: 'oauth2',
      execute: [client.allowInsecureRequests],
    })

  const configuration = door.pkce ? await discovered() : described(door.token)
  const state = client.randomState()
  const verifier = door.pkce ? client.randomPKCECodeVerifier() : undefined
  const challenge = door.pkce ? { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' } : {}
  const address = client.buildAuthorizationUrl(configuration, { redirect_uri: door.redirect_uri, scope: door.scope, state, ...challenge })

  const callback = new URL(await ask(address.href))
  const first = await client.authorizationCodeGrant(configuration, callback, { expectedState: state, pkceCodeVerifier: verifier })
  const second = await client.refreshTokenGrant(door.pkce ? configuration : described(door.refresh), first.refresh_token)
  return { first, second }
})
