// <unmask-camera>: one session of one person, from the button to the decision.

import { Camera, CameraError } from "./camera";
import { Challenger } from "./challenge";
import { Connection, type Listener } from "./connection";
import { DeveloperView } from "./developer";
import type { Challenge, Decision, Message, Mode, Outcome, Ready, Retry, Session, Told, Turn } from "./protocol";
import style from "./style.css";
import { type Texts, Words } from "./texts";
import { type Scene, View, element } from "./view";

const ARROWS: Record<Turn | "middle", string> = { left: "←", right: "→", up: "↑", middle: "" };
const VERDICTS: Record<Outcome, string> = { live: "LIVE", attack: "ATTACK", undecided: "UNDECIDED", failed: "FAILED", expired: "EXPIRED" };
const FLASHES = { rate: 2.5, seconds: 5 }; // as far as is known before the challenge: 12 colours of 0.4 s
const sheet = new CSSStyleSheet();
sheet.replaceSync(style);

/** What a refusal of the site's own back end, or of the service, is told by. */
class Refused extends Error {}

export class UnmaskCamera extends HTMLElement {
  static readonly observedAttributes = ["lang", "developer", "theme"];
  /** Words of the site's own, by the keys of web/src/languages/en.json. */
  texts: Partial<Texts> = {};
  private words!: Words;
  private view!: View;
  private developer: DeveloperView | null = null;
  private camera: Camera | null = null;
  private connection: Connection | null = null;
  private challenger: Challenger | null = null;
  private challenge: Challenge | null = null;
  private session: Session | null = null;
  private warned = false;
  private noFlashes = false;
  private round = 0; // of start(): what an earlier one still waits for is void
  private busy = false; // a picture is being encoded
  private drawn: Promise<void> = Promise.resolve();
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly themed = () => this.theme();

  connectedCallback(): void {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    this.dark.addEventListener("change", this.themed);
    this.drawn = this.draw();
  }

  disconnectedCallback(): void {
    this.dark.removeEventListener("change", this.themed);
    this.end();
  }

  attributeChangedCallback(name: string): void {
    if (!this.isConnected) return;
    if (name === "theme") this.theme();
    else if (!this.camera) this.drawn = this.draw();
  }

  /** Begins a session; needs a press of a button on some browsers, as the camera and the whole screen do. */
  async start(): Promise<void> {
    await this.drawn;
    this.end();
    const round = this.round;
    const mine = () => round === this.round;
    this.tell("start");
    this.show({ hint: this.words.say("asking"), buttons: [this.stopButton()] });
    try {
      const camera = await Camera.open(this.view.video, () => this.fault("lost"));
      if (!mine()) return camera.close();
      this.camera = camera;
      camera.each((time) => void this.frame(time)); // from now on: it is watched while the warning is read, too
      this.show({ camera: true, hint: this.words.say("connecting"), buttons: [this.stopButton()] });
      const session = await this.newSession();
      if (!mine()) return;
      this.session = session;
      if ((session.mode ?? this.mode) === "light") this.warn(() => this.connect());
      else this.connect();
    } catch (error) {
      if (!mine()) return;
      if (error instanceof CameraError) this.fault(error.fault);
      else this.fault(error instanceof Refused ? "refused" : "away");
    }
  }

  /** Ends what is going on and shows the beginning again. */
  stop(): void {
    const going = this.camera !== null;
    this.end();
    this.begin();
    if (going) this.tell("stop");
  }

  private get mode(): Mode | null {
    return this.noFlashes ? "passive" : (this.getAttribute("mode") as Mode | null);
  }

  private get server(): string {
    return (this.getAttribute("server") || new URL(import.meta.url).origin).replace(/\/$/, "");
  }

  private async draw(): Promise<void> {
    const round = ++this.round;
    const wished = [this.lang, document.documentElement.lang, ...navigator.languages].filter(Boolean);
    const words = await Words.load(wished, this.texts);
    if (round !== this.round) return;
    this.words = words;
    this.developer = this.hasAttribute("developer") ? new DeveloperView(this.words) : null;
    const extra = this.developer?.root ?? element("span", { hidden: true });
    this.view = new View(this.words, extra, () => this.camera && this.stop());
    this.theme();
    this.shadowRoot!.replaceChildren(this.view.root);
    this.begin();
  }

  private theme(): void {
    const theme = this.getAttribute("theme") ?? (this.dark.matches ? "dark" : "light");
    if (this.view) this.view.root.dataset.theme = theme;
  }

  private begin(): void {
    const start = { text: this.words.say("start"), press: () => void this.start() };
    this.show({ title: this.words.say("title"), more: this.words.say("intro"), buttons: [start] });
  }

  private show(scene: Scene): void {
    this.view.show(scene);
  }

  private stopButton() {
    return { text: this.words.say("stop"), press: () => this.stop(), quiet: true };
  }

  private tell(name: string, detail: object = {}): void {
    this.dispatchEvent(new CustomEvent(`unmask-${name}`, { detail, bubbles: true, composed: true }));
  }

  /** The session of the attributes, or a new one of the site's back end. */
  private async newSession(): Promise<Session> {
    const address = this.getAttribute("session-url");
    if (!address) {
      const id = this.getAttribute("session");
      const token = this.getAttribute("token");
      if (!id || !token) throw new Refused();
      return { id, token };
    }
    const body = JSON.stringify({ mode: this.mode });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(address, { method: "POST", headers, body, credentials: "same-origin" });
    if (!answer.ok) throw answer.status < 500 ? new Refused() : new Error();
    return answer.json();
  }

  private warn(go: () => void): void {
    if (this.warned) return go();
    const { rate, seconds } = FLASHES;
    const number = (value: number) => value.toLocaleString(this.words.language);
    const on = () => {
      this.warned = true;
      document.documentElement.requestFullscreen?.().catch(() => undefined);
      go();
    };
    const decline = () => {
      const declined = new CustomEvent("unmask-decline", { detail: { mode: "light" }, bubbles: true, composed: true, cancelable: true });
      this.end();
      this.noFlashes = true;
      if (this.dispatchEvent(declined) && this.hasAttribute("session-url")) void this.start();
      else this.begin();
    };
    this.show({
      title: this.words.say("warning"),
      more: this.words.say("warning_more", { rate: number(rate), seconds: number(seconds) }),
      buttons: [
        { text: this.words.say("go_on"), press: on },
        { text: this.words.say("decline"), press: decline },
        this.stopButton(),
      ],
      focus: true,
    });
  }

  private connect(): void {
    this.show({ camera: true, hint: this.words.say("connecting"), buttons: [this.stopButton()] });
    const about = { ...this.camera!.about(), developer: this.developer !== null };
    const listener: Listener = {
      ready: (message) => this.ready(message),
      told: (message) => this.told(message),
      retry: (message) => this.retry(message),
      decided: (message) => this.decided(message),
      refused: (_, code) => this.fault(code === 4408 ? "idle" : code < 4000 ? "away" : "refused"),
      broken: () => this.broken(),
    };
    this.connection = new Connection(this.server, this.session!, about, listener);
  }

  private async frame(time: number): Promise<void> {
    const { connection, camera } = this;
    if (this.busy || !camera || !connection?.free || document.hidden) return;
    this.busy = true;
    try {
      const frame = await camera.frame(time);
      if (frame) connection.send(frame);
    } finally {
      this.busy = false;
    }
  }

  private ready(message: Ready): void {
    this.challenger?.stop();
    this.challenge = message.challenge;
    this.developer?.begin();
    this.show({ camera: true, progress: 0, hint: this.words.say("NO_FACE"), buttons: [this.stopButton()] });
    this.tell("ready", { mode: message.mode, tries_left: message.tries_left });
    if (!message.challenge) return;
    this.challenger = new Challenger(message.challenge, {
      colour: (rgb) => this.view.colour(rgb),
      turn: (turn) => {
        this.view.turn(ARROWS[turn]);
        this.view.say(this.words.say(turn));
      },
      shown: (index, time) => this.connection?.shown(index, time),
    });
  }

  private told(message: Told): void {
    const { hint, face, progress } = message;
    const good = face !== null && hint === null;
    this.developer?.told(message, this.connection?.roundTrip ?? 0);
    this.view.progress(progress);
    // A turned head is what was asked for: then only the challenge speaks.
    if (this.challenger?.flashing) this.hint("colours");
    else if (!this.challenge?.order || !good) this.hint(good ? "good" : hint);
    this.challenger?.told(good, message.turns ?? 0);
    this.tell("state", { hint, face, progress });
  }

  private hint(key: string | null): void {
    if (this.challenge?.order && key === "TURN_TO_CAMERA") return;
    if (key && this.words.has(key)) this.view.say(this.words.say(key), false);
  }

  private retry(message: Retry): void {
    this.challenger?.stop();
    this.view.turn("");
    const again = () => {
      this.show({ camera: true, hint: this.words.say("connecting"), buttons: [this.stopButton()] });
      this.connection?.again();
    };
    this.show({
      camera: true,
      title: this.words.say("retry"),
      hint: this.words.say("tries", { n: message.tries_left }),
      more: this.words.say(this.advice(message.hint)),
      buttons: [{ text: this.words.say("again"), press: again }, this.stopButton()],
      focus: true,
    });
    this.tell("retry", { hint: message.hint, tries_left: message.tries_left });
  }

  /** The key of what helps most. */
  private advice(hint: string | null): string {
    if (hint === "SLOW") return "slow";
    return hint && this.words.has(hint) ? hint : "weak";
  }

  private decided(message: Decision): void {
    const { state, jws } = message;
    const session = this.session?.id;
    this.end();
    this.developer?.decided(message);
    const key = VERDICTS[state];
    this.show({
      title: this.words.say(key),
      more: this.words.say(`${key}_more`),
      sign: state === "live" ? "✓" : "✕",
      mood: state === "live" ? "good" : "bad",
      buttons: state !== "live" && this.hasAttribute("session-url") ? [this.againButton()] : [],
      focus: true,
    });
    this.tell("decision", { state, session, jws });
  }

  private broken(): void {
    this.challenger?.stop();
    this.show({ camera: true, hint: this.words.say("broken"), buttons: [this.stopButton()] });
  }

  private againButton() {
    return { text: this.words.say("again"), press: () => void this.start() };
  }

  private fault(code: string): void {
    this.end();
    this.show({
      title: this.words.say(code),
      more: this.words.say(`${code}_more`),
      sign: "!",
      mood: "bad",
      buttons: code === "insecure" || code === "unsupported" ? [] : [this.againButton()],
      focus: true,
    });
    this.tell("error", { code });
  }

  private end(): void {
    this.round++;
    this.challenger?.stop();
    this.connection?.close();
    this.camera?.close();
    this.challenger = this.connection = this.camera = this.challenge = null;
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
  }
}

export type { Message };
