// Clicks through a flow: fills in what earlier steps yielded, shows each request as it is sent, sends it, and shows what came back.
const { addCopyButtons } = await import(document.getElementById('playground-script').dataset.shared)
const root = document.getElementById('flow')
const { base, failed } = document.body.dataset
const key = `tokenry-playground:${base}:${root.dataset.flow}`
const steps = [...root.querySelectorAll('[data-step]')]
const YIELDED = ['access_token', 'refresh_token', 'id_token']
const RFC_7636 = { code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' }
let kept = JSON.parse(sessionStorage.getItem(key) ?? 'null')

const base64url = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
const made = () => base64url(crypto.getRandomValues(new Uint8Array(32)))

async function begin() {
  const values = { state: made().slice(0, 22), nonce: made().slice(0, 22), ...RFC_7636 }
  if (crypto.subtle) { // browsers have it at localhost and with https alone; elsewhere the pair of RFC 7636 appendix B serves
    values.code_verifier = made()
    values.code_challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(values.code_verifier)))
  }
  kept = { values, edits: {}, answers: {} }
  keep()
}

const keep = () => sessionStorage.setItem(key, JSON.stringify(kept))
const filled = text => text.replace(/\$([a-z_]+)/g, (whole, name) => kept.values[name] ?? whole)
const inputsOf = step => [...step.querySelectorAll('input[name]')]
const numberOf = step => step.dataset.step

// -- a request ------------------------------------------------------------------------------------

function requestOf(step) {
  const pairs = inputsOf(step).filter(input => input.value !== '')
  const headers = pairs.filter(input => 'header' in input.dataset).map(input => [input.name, input.value])
  const parameters = pairs.filter(input => !('header' in input.dataset)).map(input => [input.name, input.value])
  const type = step.querySelector('[data-type]')?.value
  const inQuery = step.dataset.method === 'GET'
  const query = inQuery && parameters.length ? `?${new URLSearchParams(parameters)}` : ''
  return { method: step.dataset.method, path: `${base}${step.dataset.path}${query}`, headers, parameters, type: inQuery ? undefined : type }
}

function bodyOf({ type, parameters }) {
  if (type === 'application/json') return JSON.stringify(Object.fromEntries(parameters), null, 2)
  if (type === 'multipart/form-data') {
    const form = new FormData()
    for (const [name, value] of parameters) form.append(name, value)
    return form
  }
  return type && new URLSearchParams(parameters).toString()
}

function asHttp(request) {
  const lines = [`${request.method} ${request.path} HTTP/1.1`, `Host: ${location.host}`]
  for (const [name, value] of request.headers) lines.push(`${name}: ${value}`)
  if (request.type === 'multipart/form-data') {
    lines.push('Content-Type: multipart/form-data; boundary=part', '')
    for (const [name, value] of request.parameters) lines.push('--part', `Content-Disposition: form-data; name="${name}"`, '', value)
    lines.push('--part--')
  } else if (request.type) {
    lines.push(`Content-Type: ${request.type}`, '', bodyOf(request))
  }
  return lines.join('\n')
}

const quoted = text => /^[\w@%+=:,.\/-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`

function asCurl(request) {
  const words = ['curl', '-i']
  for (const [name, value] of request.headers) words.push('-H', `${name}: ${value}`)
  if (request.type === 'application/json') {
    words.push('-H', 'Content-Type: application/json', '-d', JSON.stringify(Object.fromEntries(request.parameters)))
  } else if (request.type) {
    const multipart = request.type === 'multipart/form-data'
    for (const [name, value] of request.parameters) {
      words.push(multipart ? '--form-string' : /^[\w.~-]*$/.test(value) ? '-d' : '--data-urlencode', `${name}=${value}`)
    }
    if (!request.parameters.length) words.push('-X', request.method)
  }
  return [...words, `${location.origin}${request.path}`].map(quoted).join(' ')
}

function show(step) {
  const edits = kept.edits[numberOf(step)] ?? {}
  for (const input of inputsOf(step)) {
    if (input !== document.activeElement) input.value = edits[input.name] ?? filled(input.dataset.template)
  }
  const request = requestOf(step)
  step.querySelector('.http code').textContent = asHttp(request)
  step.querySelector('.curl code').textContent = asCurl(request)
  const waits = inputsOf(step).some(input => /(^|\s)\$[a-z_]+$/.test(input.value))
  step.querySelector('[data-waiting]').hidden = !waits
}

const showAll = () => steps.forEach(show)

// What is used once is made by the server; its page has another one each time.
async function renew() {
  const used = root.querySelectorAll('[data-used-once]')
  if (!used.length) return
  const fresh = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html')
  for (const input of used) input.dataset.template = fresh.getElementById(input.id).dataset.template
  showAll()
}

// -- an answer ------------------------------------------------------------------------------------

function members(value, found = []) {
  if (value && typeof value === 'object') {
    for (const [name, member] of Object.entries(value)) {
      if (typeof member === 'string') found.push([name, member])
      else members(member, found)
    }
  }
  return found
}

function decoded(token) {
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  try {
    const read = part => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), one => one.charCodeAt(0))))
    return `${JSON.stringify(read(parts[0]), null, 2)}\n.\n${JSON.stringify(read(parts[1]), null, 2)}`
  } catch {
    return undefined
  }
}

function parsed(text) {
  try { return JSON.parse(text) } catch { return undefined }
}

function textOf(answer) {
  if (answer.came) {
    const came = Object.entries(answer.came).map(([name, value]) => `${name}=${value}`).join('\n&')
    return `${answer.by}${came}`
  }
  if (answer.status === 0) return answer.body
  const headers = answer.headers.map(([name, value]) => `${name}: ${value}`).join('\n')
  const members = parsed(answer.body)
  return `HTTP/1.1 ${answer.status}\n${headers}\n\n${members === undefined ? answer.body : JSON.stringify(members, null, 2)}`
}

// Looked for once: a later step may send the same state.
async function exchangeOf(answer) {
  const sought = answer.state || answer.requestId
  if (!sought) return undefined
  if (!answer.exchange) {
    const query = new URLSearchParams({ search: sought, limit: 1 })
    const [found] = await (await fetch(`${base}/sandbox/api/exchanges?${query}`)).json()
    if (!found) return undefined
    answer.exchange = { number: found.number, cause: found.cause }
    keep()
  }
  return answer.exchange
}

async function showAnswer(step, { focus } = {}) {
  const answer = kept.answers[numberOf(step)]
  const place = step.querySelector('[data-answer]')
  place.replaceChildren()
  if (!answer) return
  const shown = document.getElementById('answer').content.cloneNode(true)
  const status = shown.querySelector('.status')
  const wrong = answer.came ? 'error' in answer.came : answer.status >= 400 || answer.status === 0
  status.textContent = answer.came ? (answer.came.error ?? Object.keys(answer.came)[0] ?? '') : answer.status || '–'
  status.classList.add(wrong ? 'bad' : 'fine')
  shown.querySelector('pre code').textContent = textOf(answer)
  const tokens = answer.came ? Object.entries(answer.came) : members(parsed(answer.body))
  for (const [name, value] of tokens) {
    const text = decoded(value)
    if (!text) continue
    const token = document.getElementById('token').content.cloneNode(true)
    token.querySelector('h4').textContent = name
    token.querySelector('code').textContent = text
    shown.querySelector('[data-tokens]').append(token)
  }
  const link = shown.querySelector('[data-exchange]')
  const why = shown.querySelector('[data-why]')
  place.append(shown)
  addCopyButtons(place)
  if (focus) place.focus()
  const exchange = await exchangeOf(answer).catch(() => undefined)
  if (!exchange) return
  link.href = `${base}/sandbox/inspector/${exchange.number}`
  link.querySelector('span').textContent = `#${exchange.number}`
  link.hidden = false
  if (exchange.cause) await explain(why, link.href, status)
}

async function explain(why, address, status) {
  const page = new DOMParser().parseFromString(await (await fetch(address)).text(), 'text/html')
  const explanation = page.getElementById('explanation')
  if (!explanation) return
  status.classList.replace('fine', 'bad')
  const parts = [...explanation.children].map(child => document.importNode(child, true))
  for (const part of parts) part.removeAttribute('id')
  why.replaceChildren(...parts)
}

async function send(step) {
  await renew().catch(() => {}) // it may lie here for long
  const request = requestOf(step)
  const button = step.querySelector('[data-send]')
  if ('visit' in step.dataset) {
    const state = request.parameters.find(([name]) => name === 'state')?.[1] ?? ''
    const page = location.pathname
    sessionStorage.setItem('tokenry-pending', JSON.stringify({ page, key, step: numberOf(step), state, path: step.dataset.path }))
    location.assign(request.path)
    return
  }
  button.disabled = true
  try {
    const headers = Object.fromEntries(request.headers)
    if (request.type && request.type !== 'multipart/form-data') headers['Content-Type'] = request.type
    const body = bodyOf(request)
    const answer = await fetch(request.path, { method: request.method, headers, body, credentials: 'omit', redirect: 'manual', cache: 'no-store' })
    const text = await answer.text()
    kept.answers[numberOf(step)] = { status: answer.status, headers: [...answer.headers], body: text, requestId: answer.headers.get('x-request-id') }
    if (answer.ok) {
      for (const [name, value] of members(parsed(text))) if (YIELDED.includes(name) && value) kept.values[name] = value
    }
  } catch (error) {
    kept.answers[numberOf(step)] = { status: 0, headers: [], body: `${failed} ${error.message}` }
  }
  button.disabled = false
  keep()
  showAll()
  await renew().catch(() => {})
  await showAnswer(step, { focus: true })
}

// -- the page -------------------------------------------------------------------------------------

if (!kept) await begin()
for (const step of steps) {
  step.querySelector('[data-wire]').hidden = false
  step.querySelector('[data-send]').hidden = false
  step.querySelector('[data-request]').addEventListener('submit', event => { event.preventDefault(); send(step) })
  step.querySelector('[data-type]')?.addEventListener('change', () => show(step))
  for (const input of inputsOf(step)) {
    input.addEventListener('input', () => {
      kept.edits[numberOf(step)] = { ...kept.edits[numberOf(step)], [input.name]: input.value }
      keep()
      show(step)
    })
  }
}
const startOver = root.querySelector('[data-start-over]')
startOver.hidden = false
startOver.addEventListener('click', async () => {
  await begin()
  showAll()
  for (const step of steps) await showAnswer(step)
})
showAll()
for (const step of steps) await showAnswer(step)
if (location.hash) document.querySelector(location.hash)?.scrollIntoView()
root.dataset.ready = 'true'
