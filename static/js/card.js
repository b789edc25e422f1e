// The card form of a booking: gives the card to Stripe, then sends the form. The server asks Stripe
// itself what happened, so nothing here is proof of anything.
//
//   <form id="card-form" method="post">
//     <div id="card-element" data-intent="setup|payment" data-publishable-key data-client-secret
//          data-return-url [data-payment-method: a saved card instead of a new one] [data-hosted-url]></div>
//     <p id="card-message" role="alert" hidden></p>
//     <button id="card-submit">
//
// A form with method="post" is sent after the card is confirmed; any other leads to data-return-url.
(() => {
  const form = document.getElementById("card-form");
  const box = form?.querySelector("[data-client-secret]");
  if (!box) return;

  const { publishableKey, clientSecret, returnUrl, intent, paymentMethod, hostedUrl } = box.dataset;
  const message = document.getElementById("card-message");
  const button = document.getElementById("card-submit");
  const KINDS = {
    setup: { name: "setupIntent", retrieve: "retrieveSetupIntent", confirm: "confirmCardSetup" },
    payment: { name: "paymentIntent", retrieve: "retrievePaymentIntent", confirm: "confirmCardPayment" },
  };
  const kind = KINDS[intent];
  let busy = false;

  const say = (text) => {
    message.hidden = !text;
    message.textContent = text;
  };

  // aria-disabled keeps the focus on the button, which `disabled` would lose.
  const setBusy = (state) => {
    busy = state;
    button.setAttribute("aria-disabled", String(state));
    form.setAttribute("aria-busy", String(state));
  };

  const words = (error) => {
    if (error.type === "card_error") return `${error.message} Nothing was charged.`;
    if (error.type === "validation_error" || error.type === "invalid_request_error") return error.message;
    return "We could not reach the card service. Please try again: you are never charged twice.";
  };

  const finish = () => {
    if (form.method === "post") form.submit();
    else window.location.assign(returnUrl);
  };

  if (!window.Stripe) {
    say("The card form did not load. Please reload this page. Nothing was charged. ");
    if (hostedUrl) {
      const link = document.createElement("a");
      link.href = hostedUrl;
      link.className = "link";
      link.textContent = "Or enter your card on Stripe’s own page.";
      message.append(link);
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    return;
  }

  const stripe = window.Stripe(publishableKey);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = getComputedStyle(box).color;
  const card = paymentMethod ? null : stripe.elements({ appearance: { theme: dark ? "night" : "stripe" } })
    .create("card", { hidePostalCode: true, style: { base: { color: ink, fontSize: "16px" } } });
  card?.mount(box);
  card?.on("change", ({ error }) => say(error ? error.message : ""));

  // A second press after a lost answer finds the card confirmed and only sends the form.
  const confirm = async () => {
    const before = await stripe[kind.retrieve](clientSecret);
    if (before[kind.name]?.status === "succeeded") return before;
    return stripe[kind.confirm](clientSecret, { payment_method: card ? { card } : paymentMethod });
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    say("");
    const result = await confirm().catch((error) => ({ error }));
    if (!result.error && ["succeeded", "processing"].includes(result[kind.name].status)) {
      finish();
      return;
    }
    say(words(result.error ?? { type: "card_error", message: "Your bank did not confirm the card." }));
    setBusy(false);
  });

  // Coming back with the browser's Back button finds the page as it was left: ready again.
  window.addEventListener("pageshow", (event) => { if (event.persisted) setBusy(false); });
})();
