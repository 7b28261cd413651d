/**
 * Tests of an app against a real authorization server, for node:test and every other runner: one namespace per test.
 *
 *   import { start } from './tokenry.mjs'
 *   const sandbox = await start()                      // one per file; process 'tokenry sandbox' on a free port
 *   const tokenry = await sandbox.namespace()          // one per test
 *   const client = await tokenry.client({ redirect_uris: ['http://localhost/cb'] })
 *   const tokens = await tokenry.login(client, 'demo', { scope: 'openid' })
 *   await tokenry.advance(3601)                        // the access token has expired now
 *   await tokenry.fail('unavailable', { path: '/token' })
 *   await tokenry.drop(); await sandbox.stop()
 *
 * TOKENRY_COMMAND names another way to start it, TOKENRY_URL one that runs already. Node 20 or newer, nothing else.
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const CALLBACK = 'http://127.0.0.1:9401/cb'
const KINDS = new Set(['refuse', 'status', 'latency', 'slow_body', 'cut_body', 'reset', 'expired', 'not_yet_valid', 'wrong_audience',
  'wrong_issuer', 'wrong_nonce', 'bad_signature', 'unknown_kid', 'keys_rotated'])
const random = (bytes) => randomBytes(bytes).toString('base64url')

/** The sandbox cannot be started, or refused what it was asked; the message says why. */
export class TokenryError extends Error {}

/** A namespace of a sandbox: a whole server with an issuer of its own. */
export class Tokenry {
  constructor(issuer, drop = async () => {}) {
    this.issuer = issuer
    this.drop = drop
  }

  /** Ask the control API and return what it answers. */
  async api(method, path, members) {
    const headers = members === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(`${this.issuer}/sandbox/api${path}`, { method, headers, body: members && JSON.stringify(members) })
    const text = await answer.text()
    if (!answer.ok) {
      let reason = text
      try { reason = JSON.parse(text).error_description ?? text } catch { /* as it is */ }
      throw new TokenryError(`${method} ${path}: ${reason}`)
    }
    return text ? JSON.parse(text) : null
  }

  /** Make a namespace beside this one; `drop()` ends it. */
  async namespace(members = {}) {
    const { name, issuer } = await this.api('POST', '/namespaces', members)
    return new Tokenry(issuer, () => this.api('DELETE', `/namespaces/${name}`))
  }

  async metadata() {
    return (await fetch(`${this.issuer}/.well-known/openid-configuration`)).json()
  }

  /** Post a form to a door, authenticated as a client in the way that it is registered with: `{ status, members }`. */
  async post(path, fields, client) {
    const headers = {}
    const form = { ...fields }
    if (client && !client.client_secret) form.client_id = client.client_id
    else if (client) {
      const usual = (client.dialect ?? 'standard') === 'standard' ? 'client_secret_basic' : 'client_secret_post'
      if ((client.token_endpoint_auth_method ?? usual) === 'client_secret_basic') {
        const pair = `${encodeURIComponent(client.client_id)}:${encodeURIComponent(client.client_secret)}`
        headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`
      } else Object.assign(form, { client_id: client.client_id, client_secret: client.client_secret })
    }
    const answer = await fetch(`${this.issuer}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) })
    return { status: answer.status, members: await answer.json() }
  }

  /**
   * Register a client and return it; by default a confidential web app of the standard dialect. Another `dialect` speaks as that partner
   * does: as documented, or with `strictness: 'as seen'` as its installations do.
   */
  async client(members = {}) {
    const all = { client_id: `client-${random(4)}`, redirect_uris: [CALLBACK], scope: 'openid profile email offline_access', ...members }
    if ((all.dialect ?? 'standard') === 'standard') {
      all.grant_types ??= ['authorization_code', 'refresh_token', 'client_credentials']
    }
    const { secret } = await this.api('POST', '/clients', all)
    return secret ? { ...all, client_secret: secret } : all
  }

  /** Create a user and return the user name. */
  async user(members = {}) {
    const all = { username: `user-${random(4)}`, password: random(12), ...members }
    await this.api('POST', '/users', all)
    return all.username
  }

  /** Let the next login and consent page be answered: whoever's browser it is, no person is needed. */
  async responds(user, { decision = 'approve', shop = null, times = 1 } = {}) {
    await this.api('POST', '/responses', { user, decision, shop, times })
  }

  /** Go the whole code flow of the standard dialect with PKCE, as the app and as the person, and return the token answer. */
  async login(client, user, { scope = 'openid', ...parameters } = {}) {
    const verifier = random(32)
    const query = new URLSearchParams({
      response_type: 'code', client_id: client.client_id, redirect_uri: client.redirect_uris[0], scope, state: random(8),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...parameters
    })
    await this.responds(user)
    const answer = await fetch(`${this.issuer}/authorize?${query}`, { redirect: 'manual' })
    const location = answer.headers.get('location')
    const back = location ? new URL(location, this.issuer).searchParams : new URLSearchParams()
    if (!back.has('code')) throw new TokenryError(`the login was refused: ${answer.status} ${back.toString() || await answer.text()}`)
    return this.#granted(await this.post('/token', {
      grant_type: 'authorization_code', code: back.get('code'), redirect_uri: client.redirect_uris[0], code_verifier: verifier
    }, client))
  }

  async refresh(client, refreshToken) {
    return this.#granted(await this.post('/token', { grant_type: 'refresh_token', refresh_token: refreshToken }, client))
  }

  /** An authorization code of any dialect, as if the person had allowed the request. */
  async code(client, user, members = {}) {
    return (await this.api('POST', '/codes', { client_id: client.client_id ?? client, user, ...members })).code
  }

  /** Mint a token: `kind` access, refresh or id; `expires_in` may be negative; `claims` of an ID token. */
  async token(client, members = {}) {
    return (await this.api('POST', '/tokens', { client_id: client.client_id ?? client, ...members })).token
  }

  /** Move the clock of this namespace by seconds and return its time; everything that expires obeys it. */
  async advance(seconds) {
    return new Date((await this.api('POST', '/clock/advance', { seconds })).now)
  }

  /** Let the clock stand, now or at a moment. */
  async freeze(now = null) {
    return new Date((await this.api('PUT', '/clock', { now: now instanceof Date ? now.toISOString() : now, frozen: true })).now)
  }

  /** Inject a fault: its kind, such as `latency` or `expired`, or the cause of a refusal, such as `unavailable`. */
  async fail(what, members = {}) {
    await this.api('POST', '/faults', KINDS.has(what) ? { kind: what, ...members } : { kind: 'refuse', cause: what, ...members })
  }

  /** What was asked of this namespace, the oldest first: as it was sent, understood, explained and answered. */
  async requests() {
    return (await this.api('GET', '/exchanges?full=true&limit=500')).reverse()
  }

  /** Bring everything back to how the namespace began. */
  async reset() {
    await this.api('POST', '/reset')
  }

  #granted({ status, members }) {
    if (status !== 200) throw new TokenryError(`the token request was refused: ${status} ${JSON.stringify(members)}`)
    return members
  }
}

/** Start a sandbox on a free port, or take the one that TOKENRY_URL names; `stop()` ends what was started. */
export async function start({ command = (process.env.TOKENRY_COMMAND ?? 'tokenry').split(' '), seconds = 30 } = {}) {
  if (process.env.TOKENRY_URL) return Object.assign(new Tokenry(process.env.TOKENRY_URL.replace(/\/$/, '')), { stop: async () => {} })
  const folder = await mkdtemp(join(tmpdir(), 'tokenry-'))
  const ready = join(folder, 'ready.json')
  let said = ''
  const child = spawn(command[0], [...command.slice(1), 'sandbox', '--port', '0', '--ready-file', ready], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise((resolve) => { child.once('exit', resolve); child.once('error', (error) => { said += `${error.message}: install tokenry, or name it by TOKENRY_COMMAND`; resolve(-1) }) })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said = (said + chunk).slice(-4000) })
  const stop = async () => {
    child.kill()
    await Promise.race([ended, sleep(10_000, null, { ref: false })])
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    try {
      return Object.assign(new Tokenry(JSON.parse(await readFile(ready, 'utf8')).address), { stop })
    } catch { /* not ready yet */ }
    const code = await Promise.race([ended, sleep(20)])
    if (code !== undefined || Date.now() > deadline) {
      await stop()
      throw new TokenryError(`the sandbox did not start: ${said.trim()}`)
    }
  }
}
