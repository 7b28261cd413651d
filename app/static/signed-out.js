// Goes back to the app as soon as the pages of all apps that hear of a sign-out are loaded, and after five seconds in any case. Without
// scripts the browser goes by itself, a little later.

const back = document.querySelector("[data-back]");

if (back) {
  const leave = () => location.replace(back.href);
  addEventListener("load", leave);
  setTimeout(leave, 5000);
}
