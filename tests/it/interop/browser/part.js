// What each piece of the page came to; the module that the page's own module imports.
export const within = (what, promise) =>
  Promise.race([promise, new Promise((_, no) => setTimeout(() => no(new Error(`${what} takes too long`)), 30_000))]);

export const event = (target, name) =>
  new Promise((yes, no) => {
    target.addEventListener(name, yes, { once: true });
    target.addEventListener("error", () => no(new Error(`no ${name}`)), { once: true });
  });
