// Passkeys (WebAuthn Level 3): shows the area that a page keeps hidden, runs the ceremony with the options that the page carries,
// and posts what the authenticator says by the area's own form. Nothing is fetched.

const area = document.querySelector("[data-passkey]");
const isNew = area?.dataset.passkey === "create";
const parse = isNew ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";

if (area && window.PublicKeyCredential?.[parse]) {
  const form = area.querySelector("form");
  const button = form.querySelector("button");
  const failed = form.querySelector(".failed");
  area.hidden = false;
  document.querySelector("[data-without-passkey]")?.remove();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    button.disabled = true;
    try {
      const publicKey = PublicKeyCredential[parse](JSON.parse(area.dataset.options));
      const credential = await navigator.credentials[isNew ? "create" : "get"]({ publicKey });
      form.elements.credential.value = JSON.stringify(credential);
      form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
}
