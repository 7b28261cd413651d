// Copies values, keeps lists up to date, switches the strictness of clients, and sends exchanges once more. The pages show all they have without it.
const page = document.body
const base = page.dataset.base
const speak = page.dataset

export function addCopyButtons(root) {
  for (const source of root.querySelectorAll('[data-copied-from]')) {
    if (source.dataset.ready) continue
    source.dataset.ready = 'true'
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'copy'
    button.textContent = speak.copy
    if (source.dataset.label) button.setAttribute('aria-label', `${speak.copy}: ${source.dataset.label}`)
    button.addEventListener('click', async () => {
      await copy(source)
      button.textContent = speak.copied
      setTimeout(() => { button.textContent = speak.copy }, 1600)
    })
    source.after(button)
  }
}

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent)
  } catch {
    const range = document.createRange()
    range.selectNodeContents(source)
    getSelection().removeAllRanges()
    getSelection().addRange(range)
    document.execCommand('copy')
  }
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } })
  if (!answer.ok) return
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const focused = document.activeElement?.getAttribute('href')
  const seen = new Set([...document.querySelectorAll('[data-live] .exchanges a')].map(link => link.getAttribute('href')))
  document.querySelectorAll('[data-live]').forEach((place, at) => {
    place.replaceChildren(...fresh.querySelectorAll('[data-live]')[at].childNodes)
    for (const link of place.querySelectorAll('.exchanges a')) {
      if (!seen.has(link.getAttribute('href'))) link.classList.add('fresh')
      if (focused && link.getAttribute('href') === focused) link.focus()
    }
  })
}

// A browser opens few connections to one server: a page that nobody looks at gives its own back.
function follow(state, button) {
  let source, waiting
  const soon = () => { waiting ??= setTimeout(() => { waiting = undefined; refresh().catch(() => {}) }, 150) }
  const isOn = () => button.getAttribute('aria-pressed') === 'true' && document.visibilityState === 'visible'
  const stop = () => { source?.close(); source = undefined }
  const listen = () => {
    stop()
    if (!isOn()) return
    const own = source = new EventSource(`${base}/sandbox/api/exchanges/live`)
    own.addEventListener('exchange', soon)
    own.addEventListener('open', () => { state.textContent = state.dataset.on; soon() })
    own.addEventListener('error', () => {
      state.textContent = state.dataset.broken
      if (own.readyState === EventSource.CLOSED) setTimeout(() => { if (own === source) listen() }, 3000)
    })
  }
  button.hidden = false
  button.addEventListener('click', () => {
    button.setAttribute('aria-pressed', button.getAttribute('aria-pressed') !== 'true')
    if (!isOn()) state.textContent = state.dataset.off
    listen()
  })
  document.addEventListener('visibilitychange', listen)
  addEventListener('pagehide', stop)
  addEventListener('pageshow', event => { if (event.persisted) listen() })
  listen()
}

async function replay(button) {
  const problem = document.querySelector('[data-problem]')
  button.disabled = true
  try {
    const answer = await fetch(`${base}/sandbox/api/exchanges/${button.dataset.replay}/replay`, { method: 'POST' })
    const told = await answer.json()
    if (!answer.ok) throw new Error(told.error_description)
    location.assign(`${base}/sandbox/inspector/${told.number}`)
  } catch (error) {
    problem.textContent = `${speak.failed} ${error.message}`
    problem.hidden = false
    button.disabled = false
  }
}

async function answerOtherwise(place, strictness) {
  const client = place.dataset.answered
  const button = place.querySelector('button')
  const problem = place.querySelector('[data-problem]')
  button.disabled = true
  try {
    const options = { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ strictness }) }
    const answer = await fetch(`${base}/sandbox/api/clients/${encodeURIComponent(client)}`, options)
    if (!answer.ok) throw new Error((await answer.json()).error_description)
    const fresh = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html')
    const shown = document.importNode(fresh.querySelector(`[data-answered="${CSS.escape(client)}"]`), true)
    place.replaceWith(shown)
    addSwitches(shown.parentElement)
    shown.querySelector('button').focus()
  } catch (error) {
    problem.textContent = `${speak.failed} ${error.message}`
    problem.hidden = false
    button.disabled = false
  }
}

function addSwitches(root) {
  for (const button of root.querySelectorAll('[data-strictness][hidden]')) {
    button.hidden = false
    button.addEventListener('click', () => answerOtherwise(button.closest('[data-answered]'), button.dataset.strictness))
  }
}

addCopyButtons(document)
addSwitches(document)
const liveState = document.querySelector('[data-live-state]')
if (liveState) follow(liveState, document.querySelector('[data-live-switch]'))
for (const button of document.querySelectorAll('[data-replay]')) {
  button.hidden = false
  button.addEventListener('click', () => replay(button))
}
for (const choice of document.querySelectorAll('.filter select')) choice.addEventListener('change', () => choice.form.requestSubmit())
