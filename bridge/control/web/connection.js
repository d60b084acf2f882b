// WebSockets that come back by themselves: the stream of frames, and remote control.

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5000;

function address(path, query = {}) {
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams(query).toString();
  return url;
}

class Reconnecting {
  constructor(url, { onOpen = () => {}, onMessage, onState = () => {} }) {
    Object.assign(this, { url, onOpen, onMessage, onState });
    this.pause = FIRST_PAUSE_MS;
    this.connect("connecting");
  }

  connect(state) {
    this.onState(state);
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.pause = FIRST_PAUSE_MS;
      this.onState("open");
      this.onOpen();
    };
    socket.onmessage = (event) => this.onMessage(event.data);
    socket.onclose = () => {
      this.onState("lost");
      window.setTimeout(() => this.connect("lost"), this.pause);
      this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 1.7);
    };
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }
}

// Frames of one subject as objects, and the hello before them. onState: connecting, open, lost.
export function openStream({ query = {}, onHello, onFrame, onState }) {
  return new Reconnecting(address("/api/v1/stream", query), {
    onState,
    onMessage: (text) => {
      const message = JSON.parse(text);
      (message.type === "hello" ? onHello : onFrame)(message);
    },
  });
}

// call(method, params) -> Promise of the result; rejects with the bridge's own sentence. onEvent(name, data).
export class Control {
  constructor({ onEvent }) {
    this.waiting = new Map();
    this.nextId = 1;
    this.line = new Reconnecting(address("/api/v1/control"), {
      onOpen: () => this.call("subscribe", { events: ["status"] }).catch(() => {}),
      onMessage: (text) => {
        const message = JSON.parse(text);
        if (message.event) {
          onEvent(message.event, message.data);
        } else {
          this.settle(message);
        }
      },
      onState: (state) => {
        if (state === "lost") {
          this.waiting.forEach(({ reject }) => reject(new Error("the connection was lost")));
          this.waiting.clear();
        }
      },
    });
  }

  call(method, params = {}) {
    return new Promise((resolve, reject) => {
      if (!this.line.open) {
        reject(new Error("the connection is lost"));
        return;
      }
      const id = this.nextId;
      this.nextId += 1;
      this.waiting.set(id, { resolve, reject });
      this.line.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  settle({ id, result, error }) {
    const { resolve, reject } = this.waiting.get(id) ?? {};
    this.waiting.delete(id);
    if (error) {
      reject?.(new Error(error.message));
    } else {
      resolve?.(result);
    }
  }
}
