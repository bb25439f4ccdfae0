// Tries every way in which a browser asks a server, and reports what came of each.
import { event, within } from "./part.js";

const pieces = {
  style: async () => getComputedStyle(document.getElementById("styled")).color,

  // More at once than HTTP/1.1 has connections.
  images: async () => {
    const images = Array.from({ length: 60 }, (_, number) => {
      const image = new Image();
      image.src = `picture.svg?${number}`;
      return event(image, "load").then(() => image.naturalWidth);
    });
    return (await Promise.all(images)).reduce((sum, width) => sum + width, 0);
  },

  json: async () => (await (await fetch("data.json")).json()).word,

  compressed: async () => (await (await fetch("compressed.txt")).text()).length,

  upload: async () => {
    const body = new Uint8Array(3 << 20).map((_, at) => at % 251);
    const back = new Uint8Array(await (await fetch("echo", { method: "POST", body })).arrayBuffer());
    return back.length === body.length && back.every((byte, at) => byte === body[at]);
  },

  form: async () => {
    const body = new FormData();
    body.append("file", new Blob(["in a file"]), "a.txt");
    return (await (await fetch("echo", { method: "POST", body })).text()).includes("in a file");
  },

  // The first piece must be here while the server keeps the second until it is asked for it.
  stream: async () => {
    const reader = (await fetch("stream")).body.getReader();
    const decoder = new TextDecoder();
    const first = decoder.decode((await reader.read()).value);
    await fetch("go-on", { method: "POST" });
    return first + decoder.decode((await reader.read()).value);
  },

  cookie: async () => {
    await fetch("cookie");
    return (await fetch("cookie")).text();
  },

  redirect: async () => new URL((await fetch("moved")).url).pathname,

  // What a cache sends; where certificates are not verified the browser's own keeps nothing.
  conditional: async () => (await fetch("tagged", { headers: { "If-None-Match": '"one"' }, cache: "no-store" })).status,

  missing: async () => (await fetch("nothing-here")).status,

  aborted: async () => {
    const controller = new AbortController();
    const asked = fetch("never", { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    return asked.then(() => "answered", (error) => error.name);
  },

  websocket: async () => {
    const socket = new WebSocket(`wss://${location.host}/websocket`);
    await event(socket, "open");
    const said = [];
    for (const word of ["one", "two", "x".repeat(200_000)]) {
      socket.send(word);
      said.push((await event(socket, "message")).data.length);
    }
    socket.close(4001, "done");
    return [...said, (await event(socket, "close")).code].join();
  },

  events: async () => {
    const source = new EventSource("events");
    const said = [];
    for (let count = 0; count < 3; count++) said.push((await event(source, "message")).data);
    source.close();
    return said.join();
  },
};

const came = {};
await Promise.all(
  Object.entries(pieces).map(async ([name, piece]) => {
    try {
      came[name] = await within(name, piece());
    } catch (error) {
      came[name] = `${error}`;
    }
  }),
);
const asked = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
came.protocols = [...new Set(asked.filter((entry) => entry.responseStatus > 0).map((entry) => entry.nextHopProtocol))].sort();
document.body.append(JSON.stringify(came));
await fetch("report", { method: "POST", body: JSON.stringify(came) });
