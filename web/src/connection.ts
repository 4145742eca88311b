// The connection of a session: frames go out while at most two are unanswered, and it comes back when it breaks.

import type { Frame } from "./camera";
import type { Decision, Message, Ready, Refusal, Retry, Session, Told } from "./protocol";

const UNANSWERED = 2;
const PAUSES_MS = [300, 1000, 2000, 3000];
const FINAL = new Set([1008, 4400, 4408, 4409, 4429]); // connecting again would end in the same way

export interface Listener {
  ready(message: Ready): void;
  told(message: Told): void;
  retry(message: Retry): void;
  decided(message: Decision): void;
  refused(message: Refusal | null, code: number): void;
  broken(): void;
}

export class Connection {
  roundTrip = 0; // ms from a frame to its answer, smoothed
  private socket: WebSocket | null = null;
  private open = false;
  private over = false;
  private failures = 0;
  private sent: number[] = []; // when the unanswered frames went out
  private refusal: Refusal | null = null;

  constructor(
    private readonly server: string,
    private readonly session: Session,
    private readonly about: object,
    private readonly listener: Listener,
  ) {
    this.connect();
  }

  get free(): boolean {
    return this.open && this.sent.length < UNANSWERED;
  }

  send(frame: Frame): void {
    if (!this.free) return;
    const time = new DataView(new ArrayBuffer(8));
    time.setFloat64(0, frame.time, true);
    this.socket?.send(new Blob([time.buffer, frame.jpeg]));
    this.sent.push(performance.now());
  }

  /** Tells the server that something appeared on the screen, at `time` on the clock of the frames. */
  shown(index: number, time: number): void {
    this.text({ type: "event", event: "shown", index, time_ms: time });
  }

  again(): void {
    this.text({ type: "again" });
  }

  close(): void {
    this.over = true;
    this.open = false;
    this.socket?.close(1000);
  }

  private connect(): void {
    const address = `${this.server.replace(/^http/, "ws")}/v1/sessions/${encodeURIComponent(this.session.id)}/frames`;
    const socket = (this.socket = new WebSocket(address));
    this.refusal = null;
    this.sent = [];
    socket.onopen = () => this.text({ type: "hello", token: this.session.token, client: this.about });
    socket.onmessage = (event) => this.heard(JSON.parse(event.data));
    socket.onclose = (event) => this.closed(event.code);
  }

  private text(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private heard(message: Message): void {
    if (this.over) return;
    if (message.type === "ready") {
      this.open = true;
      this.sent = [];
      this.failures = 0;
      this.listener.ready(message);
    } else if (message.type === "state") {
      const since = this.sent.shift();
      if (since) this.roundTrip += (performance.now() - since - this.roundTrip) * (this.roundTrip ? 0.2 : 1);
      this.listener.told(message);
    } else if (message.type === "retry") {
      this.open = false; // until the next try is ready; frames that are on the way are not answered
      this.listener.retry(message);
    } else if (message.type === "decision") {
      this.close();
      this.listener.decided(message);
    } else {
      this.refusal = message;
    }
  }

  private closed(code: number): void {
    if (this.over) return;
    this.open = false;
    const pause = PAUSES_MS[this.failures++];
    if (FINAL.has(code) || pause === undefined) {
      this.over = true;
      this.listener.refused(this.refusal, code);
      return;
    }
    this.listener.broken();
    setTimeout(() => this.over || this.connect(), pause);
  }
}
