// Goes back to the app as soon as the pages of all apps that hear of a sign-out are loaded. Without scripts the browser goes by itself,
// a little later.

const back = document.querySelector("[data-back]");

if (back) {
  addEventListener("load", () => location.replace(back.href));
}
