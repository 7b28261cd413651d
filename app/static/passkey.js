// Passkeys (WebAuthn Level 3): shows the area that a page keeps hidden, runs the ceremony with the options that the page carries,
// and posts what the authenticator says by the area's own form. Nothing is fetched. At an address that is not the passkeys' host, such
// as that of this very machine by number, browsers refuse them: there the area stays hidden.

const area = document.querySelector("[data-passkey]");
const isNew = area?.dataset.passkey === "create";
const parse = isNew ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
const options = area && JSON.parse(area.dataset.options);
const host = options && (isNew ? options.rp.id : options.rpId);
const isHere = location.hostname === host || location.hostname.endsWith(`.${host}`);

if (isHere && window.PublicKeyCredential?.[parse]) {
  const form = area.querySelector("form");
  const button = form.querySelector("button");
  const failed = form.querySelector(".failed");
  area.hidden = false;
  document.querySelector("[data-without-passkey]")?.remove();

  addEventListener("pageshow", () => { button.disabled = false; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    button.disabled = true;
    try {
      const publicKey = PublicKeyCredential[parse](options);
      const credential = await navigator.credentials[isNew ? "create" : "get"]({ publicKey });
      form.elements.credential.value = JSON.stringify(credential);
      form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
}
