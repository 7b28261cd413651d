// Passkeys: shows what is hidden, runs the ceremony with the options that the page carries, and sends the form with its result.
