"use strict";
// Tells the page that opened the bank's window that it can ask for the result.
window.parent.postMessage({ double: "challenge-done" }, "*");
