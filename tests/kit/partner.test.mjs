import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

const { start, TokenryError } = await import(process.env.KIT)
let sandbox

before(async () => { sandbox = await start() })
after(async () => { await sandbox.stop() })

for (let number = 0; number < 6; number++) {
  test(`day ${number}`, { concurrency: true }, async () => {
    const tokenry = await sandbox.namespace()
    const client = await tokenry.client({ client_id: `app-${number}` })
    const user = await tokenry.user({ username: 'alice' })
    let tokens = await tokenry.login(client, user, { scope: 'openid offline_access' })
    const active = async () => (await tokenry.post('/introspect', { token: tokens.access_token }, client)).members.active
    assert.equal(await active(), true)
    await tokenry.advance(3601)
    assert.equal(await active(), false)
    tokens = await tokenry.refresh(client, tokens.refresh_token)
    await tokenry.fail('unavailable', { path: '/token' })
    await assert.rejects(tokenry.refresh(client, tokens.refresh_token), /temporarily_unavailable/)
    const seen = await tokenry.requests()
    assert.deepEqual([...new Set(seen.map((one) => one.understood?.client_id).filter(Boolean))], [`app-${number}`])
    await tokenry.reset()
    assert.deepEqual(await tokenry.requests(), [])
    await tokenry.drop()
    await assert.rejects(tokenry.requests(), TokenryError)
  })
}

test('tokens, codes and time', async () => {
  const tokenry = await sandbox.namespace()
  assert.match(await tokenry.token('demo-app', { kind: 'id', user: 'demo', claims: { nonce: 'n' } }), /^ey.+\..+\./)
  assert.ok(await tokenry.code('platform-demo', 'demo', { redirect_uri: 'http://127.0.0.1:9401/cb' }))
  assert.equal((await tokenry.freeze('2030-01-01T00:00:00Z')).toISOString(), '2030-01-01T00:00:00.000Z')
  assert.equal((await tokenry.metadata()).issuer, tokenry.issuer)
  await assert.rejects(tokenry.login(await tokenry.client(), 'nobody'), /no user nobody/)
})

test('a client is answered as seen', async () => {
  const tokenry = await sandbox.namespace()
  for (const [strictness, member] of [['as documented', 'access_token'], ['as seen', 'data']]) {
    const client = await tokenry.client({ dialect: 'open_platform', scope: 'orders', strictness })
    const { members } = await tokenry.post('/oauth2/client-credentials', { grant_type: 'client_credentials' }, client)
    assert.ok(member in members)
  }
  await assert.rejects(tokenry.client({ strictness: 'as seen' }), /no known quirks/)
})

test('a sandbox that does not start says why', async () => {
  await assert.rejects(start({ command: ['node', '-e', 'console.error("no luck"); process.exit(3)'] }), /no luck/)
  await assert.rejects(start({ command: ['/no/such/command'] }), /ENOENT/)
})
