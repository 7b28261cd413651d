// Takes what came back from the authorization endpoint to the flow of the playground that asked for it, in this tab.
const list = document.querySelector('[data-came]')
const byForm = JSON.parse(list.dataset.came)
const came = { ...byForm }
for (const source of [location.search.slice(1), location.hash.slice(1)]) {
  for (const [name, value] of new URLSearchParams(source)) came[name] = value
}
delete came.ui_locales
const pending = JSON.parse(sessionStorage.getItem('tokenry-pending') ?? 'null')

if (pending && (came.state ?? '') === pending.state) {
  sessionStorage.removeItem('tokenry-pending')
  const kept = JSON.parse(sessionStorage.getItem(pending.key) ?? '{}')
  kept.answers = { ...kept.answers, [pending.step]: { came, by: Object.keys(byForm).length ? 'POST ' : location.hash.length > 1 ? '#' : '?', state: pending.state, path: pending.path } }
  const yielded = Object.entries(came).filter(([name]) => ['code', 'access_token', 'id_token', 'refresh_token'].includes(name))
  kept.values = { ...kept.values, ...Object.fromEntries(yielded) }
  sessionStorage.setItem(pending.key, JSON.stringify(kept))
  location.replace(`${pending.page}#step-${pending.step}`)
} else if (location.hash.length > 1) {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const row = document.createElement('div')
    row.append(document.createElement('dt'), document.createElement('dd'))
    row.firstChild.textContent = name
    row.lastChild.append(document.createElement('code'))
    row.lastChild.firstChild.textContent = value
    list.append(row)
  }
  const nothing = document.querySelector('[data-nothing]')
  if (nothing) nothing.hidden = true
}
