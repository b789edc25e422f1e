// The inside of the card element. The number stays in this frame: the page around it only learns
// whether the fields are complete, and the id of the payment method made from them.
"use strict";
(() => {
  const fields = ["number", "expiry", "cvc"].map((name) => document.getElementById(name));
  const [number, expiry, cvc] = fields;
  const digits = (input) => input.value.replace(/\D/g, "");

  const problems = () => {
    if (digits(number).length < 12) return [number, "incomplete_number", "Your card number is incomplete."];
    if (!/^\d{3,4}$/.test(digits(expiry)) && digits(expiry).length !== 6) {
      return [expiry, "incomplete_expiry", "Your card's expiration date is incomplete."];
    }
    if (digits(cvc).length < 3) return [cvc, "incomplete_cvc", "Your card's security code is incomplete."];
    return null;
  };

  const tell = (message) => window.parent.postMessage({ double: "card", ...message }, "*");

  const announce = () => tell({
    event: "change", complete: problems() === null, empty: fields.every((field) => !field.value),
  });

  const arrange = (input) => {
    const typed = digits(input);
    if (input === number) input.value = typed.replace(/(.{4})(?=.)/g, "$1 ").slice(0, 23);
    if (input === expiry && input.selectionStart === input.value.length && typed.length > 2) {
      input.value = `${typed.slice(0, 2)} / ${typed.slice(2, 6)}`;
    }
  };

  const expiryParts = () => {
    const [month, year] = expiry.value.includes("/")
      ? expiry.value.split("/").map((part) => part.trim())
      : [digits(expiry).slice(0, -2), digits(expiry).slice(-2)];
    return { month, year };
  };

  const createPaymentMethod = async (key) => {
    const problem = problems();
    if (problem) {
      const [field, code, message] = problem;
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return { error: { type: "validation_error", code, message } };
    }
    const { month, year } = expiryParts();
    const body = new URLSearchParams({
      key, type: "card", "card[number]": digits(number), "card[exp_month]": month,
      "card[exp_year]": year, "card[cvc]": digits(cvc),
    });
    const answer = await (await fetch("/v1/payment_methods", { method: "POST", body })).json();
    return answer.error ? { error: answer.error } : { paymentMethod: answer };
  };

  for (const field of fields) {
    field.addEventListener("input", () => {
      field.removeAttribute("aria-invalid");
      arrange(field);
      announce();
    });
  }

  window.addEventListener("message", async (message) => {
    if (message.source !== window.parent || message.data?.double !== "card") return;
    const { id, action, key } = message.data;
    if (action === "focus") number.focus();
    if (action === "clear") { fields.forEach((field) => { field.value = ""; }); announce(); }
    if (action === "create") {
      const result = await createPaymentMethod(key).catch(() => ({
        error: { type: "api_connection_error", message: "We could not reach the card service. Please try again." },
      }));
      tell({ id, ...result });
    }
  });

  // Enter in a field submits the form around the element, as Stripe's does.
  document.getElementById("card").addEventListener("submit", (event) => {
    event.preventDefault();
    tell({ event: "submit" });
  });
  document.getElementById("card").addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); tell({ event: "submit" }); }
  });

  new ResizeObserver(() => tell({ event: "resize", height: document.documentElement.offsetHeight }))
    .observe(document.documentElement);
  tell({ event: "ready" });
})();
