// oauth4webapi as the server of a resource: it checks a token by itself, and asks about it in plain words and in signed ones.
// See conversation.mjs for what is said on the pipes.
import { converse } from './conversation.mjs'

await converse(async (resource) => {
  const oauth = await import('oauth4webapi')
  const insecure = { [oauth.allowInsecureRequests]: true } // loopback
  const issuer = new URL(resource.origin)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const headers = { authorization: `Bearer ${resource.token}` }
  const claims = await oauth.validateJwtAccessToken(server, new Request(resource.uri, { headers }), resource.uri, insecure)
  const elsewhere = await oauth
    .validateJwtAccessToken(server, new Request(resource.uri, { headers }), 'https://another.example/', insecure)
    .then(() => 'accepted', (error) => error.code)

  const ask = async (client, options) => {
    const authentication = oauth.ClientSecretBasic(resource.client_secret)
    const answer = await oauth.introspectionRequest(server, client, authentication, resource.token, { ...insecure, ...options })
    const told = await oauth.processIntrospectionResponse(server, client, answer)
    if (options.requestJwtResponse) await oauth.validateApplicationLevelSignature(server, answer, insecure)
    return { told, type: answer.headers.get('content-type') }
  }
  const plain = await ask({ client_id: resource.client_id }, {})
  const signed = { client_id: resource.client_id, introspection_signed_response_alg: 'ES256' }
  return { claims, elsewhere, plain, signed: await ask(signed, { requestJwtResponse: true }) }
})
