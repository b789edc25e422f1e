// Stands in for https://js.stripe.com/v3/: the part of Stripe.js that Rounds uses, with the same names.
// Needs script-src, frame-src and connect-src of this origin; adds no inline style and no inline script.
"use strict";
(() => {
  const ORIGIN = new URL(document.currentScript.src).origin;
  const unreachable = { error: { type: "api_connection_error", message: "We could not reach the card service. Please try again." } };

  const request = async (key, method, path, fields) => {
    const query = new URLSearchParams({ key, ...fields });
    const answer = method === "GET"
      ? await fetch(`${ORIGIN}/v1/${path}?${query}`)
      : await fetch(`${ORIGIN}/v1/${path}`, { method, body: query });
    return answer.json();
  };

  const place = (element, styles) => {
    for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
    return element;
  };

  const makeFrame = (url, title) => {
    const frame = place(document.createElement("iframe"), { border: "0", width: "100%", display: "block" });
    frame.src = url;
    frame.title = title;
    return frame;
  };

  class CardElement {
    constructor(key) {
      this.key = key;
      this.listeners = {};
      this.waiting = new Map();
      this.frame = null;
      this.receive = this.receive.bind(this);
    }

    mount(target) {
      const host = typeof target === "string" ? document.querySelector(target) : target;
      if (!host) throw new Error(`The selector you specified (${target}) applies to no DOM elements.`);
      this.host = host;
      this.frame = place(makeFrame(`${ORIGIN}/v3/card-frame`, "Card details"), { height: "200px" });
      window.addEventListener("message", this.receive);
      host.replaceChildren(this.frame);
    }

    unmount() {
      window.removeEventListener("message", this.receive);
      this.frame?.remove();
      this.frame = null;
    }

    destroy() { this.unmount(); }

    on(name, listener) {
      (this.listeners[name] ??= []).push(listener);
      return this;
    }

    focus() { this.send({ action: "focus" }); }

    clear() { this.send({ action: "clear" }); }

    update() {}

    send(message) { this.frame.contentWindow.postMessage({ double: "card", ...message }, ORIGIN); }

    createPaymentMethod() {
      return new Promise((resolve) => {
        const id = crypto.randomUUID();
        this.waiting.set(id, resolve);
        this.send({ id, action: "create", key: this.key });
      });
    }

    receive(message) {
      if (message.origin !== ORIGIN || message.source !== this.frame?.contentWindow) return;
      const { id, event, height, ...rest } = message.data;
      if (id) { this.waiting.get(id)?.(rest); this.waiting.delete(id); return; }
      if (event === "resize") place(this.frame, { height: `${height}px` });
      if (event === "submit") this.host.closest("form")?.requestSubmit();
      for (const listener of this.listeners[event] ?? []) listener({ elementType: "card", ...rest });
    }
  }

  // The bank's window: a modal dialog around a frame. Escape counts as "no".
  const authenticate = (intent) => new Promise((resolve) => {
    const address = `${ORIGIN}/v3/challenge/${intent.id}`;
    const dialog = place(document.createElement("dialog"), {
      width: "min(30rem, 92vw)", height: "min(26rem, 90vh)", padding: "0", border: "1px solid", "border-radius": "8px",
    });
    dialog.setAttribute("aria-label", "Your bank's window");
    const secret = new URLSearchParams({ client_secret: intent.client_secret });
    const frame = place(makeFrame(`${address}?${secret}`, "Your bank's window"), { height: "100%" });
    const close = () => {
      window.removeEventListener("message", done);
      dialog.close();
      dialog.remove();
      resolve();
    };
    const done = (message) => {
      if (message.source === frame.contentWindow && message.data?.double === "challenge-done") close();
    };
    window.addEventListener("message", done);
    dialog.addEventListener("cancel", async (event) => {
      event.preventDefault();
      secret.set("outcome", "fail");
      await fetch(address, { method: "POST", body: secret, mode: "no-cors" });
      close();
    });
    dialog.append(frame);
    document.body.append(dialog);
    dialog.showModal();
  });

  const KINDS = {
    setup: { path: "setup_intents", name: "setupIntent", error: "last_setup_error" },
    payment: { path: "payment_intents", name: "paymentIntent", error: "last_payment_error" },
  };

  window.Stripe = (key) => {
    if (!String(key).startsWith("pk_test_")) throw new Error("This stand-in takes only a test publishable key.");

    const retrieve = async (kind, clientSecret) => {
      const intentId = clientSecret.split("_secret_")[0];
      const intent = await request(key, "GET", `${kind.path}/${intentId}`, { client_secret: clientSecret });
      return intent.error ? { error: intent.error } : { [kind.name]: intent };
    };

    const settle = async (kind, intent) => {
      if (intent.status !== "requires_action") return { [kind.name]: intent };
      await authenticate(intent);
      const result = await retrieve(kind, intent.client_secret);
      const failure = result[kind.name]?.[kind.error];
      return failure && result[kind.name].status === "requires_payment_method" ? { error: failure } : result;
    };

    // `method` is a card element, the id of a saved card, or nothing when the intent has a card.
    const confirm = async (kind, clientSecret, method) => {
      const fields = { client_secret: clientSecret, use_stripe_sdk: "true" };
      if (method instanceof CardElement) {
        const made = await method.createPaymentMethod();
        if (made.error) return made;
        fields.payment_method = made.paymentMethod.id;
      } else if (method) {
        fields.payment_method = method;
      }
      const intentId = clientSecret.split("_secret_")[0];
      const intent = await request(key, "POST", `${kind.path}/${intentId}/confirm`, fields);
      return intent.error ? { error: intent.error } : settle(kind, intent);
    };

    const safely = (work) => work.catch(() => unreachable);
    const source = (data) => data?.payment_method?.card ?? data?.payment_method;

    const confirmWithElements = async (kind, options) => {
      const clientSecret = options.clientSecret ?? options.elements?.clientSecret;
      const result = await confirm(kind, clientSecret, options.elements?.element ?? source(options.confirmParams));
      if (result.error || options.redirect === "if_required") return result;
      const intent = result[kind.name];
      const back = new URL(options.confirmParams.return_url);
      back.searchParams.set(intent.object, intent.id);
      back.searchParams.set(`${intent.object}_client_secret`, intent.client_secret);
      back.searchParams.set("redirect_status", intent.status);
      window.location.assign(back);
      return new Promise(() => {});
    };

    return {
      elements: (options = {}) => ({
        clientSecret: options.clientSecret,
        element: null,
        create(type) {
          if (type !== "card" && type !== "payment") throw new Error(`This stand-in has no ${type} element.`);
          this.element = new CardElement(key);
          return this.element;
        },
        getElement() { return this.element; },
        submit: async () => ({}),
      }),
      confirmCardSetup: (clientSecret, data) => safely(confirm(KINDS.setup, clientSecret, source(data))),
      confirmCardPayment: (clientSecret, data) => safely(confirm(KINDS.payment, clientSecret, source(data))),
      confirmSetup: (options) => safely(confirmWithElements(KINDS.setup, options)),
      confirmPayment: (options) => safely(confirmWithElements(KINDS.payment, options)),
      retrieveSetupIntent: (clientSecret) => safely(retrieve(KINDS.setup, clientSecret)),
      retrievePaymentIntent: (clientSecret) => safely(retrieve(KINDS.payment, clientSecret)),
      handleNextAction: async ({ clientSecret }) => {
        const kind = clientSecret.startsWith("seti_") ? KINDS.setup : KINDS.payment;
        return safely(retrieve(kind, clientSecret).then((found) => (
          found.error ? found : settle(kind, found[kind.name])
        )));
      },
    };
  };
})();
