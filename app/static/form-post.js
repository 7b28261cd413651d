// Sends the answer to the app at once. Without scripts the person presses the button.

document.querySelector("[data-send]")?.submit();
