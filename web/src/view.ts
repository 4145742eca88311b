// What is seen: one card with the camera in an oval, the words, a progress bar and the buttons.

import type { Words } from "./texts";

export type Mood = "" | "good" | "bad";

export interface Button {
  text: string;
  press: () => void;
  quiet?: boolean;
}

/** One state of the card. `hint` is read out by screen readers when it changes. */
export interface Scene {
  title?: string;
  hint?: string;
  more?: string;
  progress?: number | null;
  sign?: string;
  mood?: Mood;
  camera?: boolean;
  buttons?: Button[];
  focus?: boolean; // on the heading, where a state begins that the person has to act upon
}

const SVG = "http://www.w3.org/2000/svg";
const HINT_MS = 700; // a hint stays at least so long, so that it can be read

export class View {
  readonly video = element("video", { muted: true, playsInline: true, autoplay: true });
  readonly root: HTMLElement;
  private readonly title = element("h2", { tabIndex: -1 });
  private readonly hint = element("p", { className: "hint" });
  private readonly more = element("p", { className: "more" });
  private readonly bar = element("div", { className: "bar" }, element("div"));
  private readonly buttons = element("div", { className: "buttons" });
  private readonly sign = element("span");
  private readonly ring = ellipse("done");
  private readonly guide = outline();
  private readonly stage: HTMLElement;
  private readonly dialog = element("dialog");
  private readonly dialogVideo = element("video", { muted: true, playsInline: true, autoplay: true });
  private readonly dialogHint = element("p");
  private hinted = { text: "", since: 0, timer: 0 };

  constructor(
    private readonly words: Words,
    extra: HTMLElement,
    stop: () => void,
  ) {
    const ring = document.createElementNS(SVG, "svg");
    ring.setAttribute("viewBox", "0 0 156 208");
    ring.append(ellipse(""), this.ring, this.guide);
    const sign = element("div", { className: "sign" }, this.sign);
    hide(ring, sign, this.video, this.dialogVideo);
    this.stage = element("div", { className: "stage" }, this.video, ring, sign);
    this.hint.setAttribute("role", "status");
    this.bar.setAttribute("role", "progressbar");
    this.bar.setAttribute("aria-valuemin", "0");
    this.bar.setAttribute("aria-valuemax", "100");
    this.bar.setAttribute("aria-label", words.say("progress"));
    const privacy = element("slot", { name: "privacy" });
    const text = element("div", { className: "words" }, this.title, this.hint, this.more, this.bar, this.buttons, privacy);
    const small = element("div", { className: "stage small" }, this.dialogVideo);
    this.dialog.append(small, this.dialogHint);
    this.dialog.setAttribute("aria-label", words.say("colours"));
    this.dialog.addEventListener("cancel", stop);
    this.root = element("div", { className: "card" }, this.stage, text, extra, this.dialog);
    this.root.lang = words.language;
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && stop());
  }

  show(scene: Scene): void {
    const { title = "", hint = "", more = "", progress = null, sign = "", mood = "", camera = false } = scene;
    this.root.className = `card ${mood}`;
    put(this.title, title);
    this.say(hint);
    put(this.more, more);
    this.bar.hidden = progress === null;
    this.progress(progress ?? (mood ? 1 : 0));
    this.turn(sign);
    this.video.style.visibility = camera || sign ? "visible" : "hidden";
    this.guide.style.visibility = camera || sign ? "hidden" : "visible";
    const pressed = (scene.buttons ?? []).map(({ text, press, quiet }, place) =>
      element("button", { type: "button", className: place || quiet ? "" : "first", textContent: text, onclick: press }),
    );
    const within = this.buttons.contains((this.root.getRootNode() as ShadowRoot).activeElement);
    this.buttons.replaceChildren(...pressed);
    // Whoever uses the keyboard keeps a place: the button that was pressed is gone.
    if (scene.focus) this.title.focus();
    else if (within) (pressed[0] ?? this.title).focus();
  }

  progress(share: number): void {
    const percent = Math.round(share * 100);
    (this.bar.firstChild as HTMLElement).style.width = `${percent}%`;
    this.bar.setAttribute("aria-valuenow", String(percent));
    this.ring.style.strokeDashoffset = String(100 - percent);
    this.ring.style.opacity = percent ? "1" : "0";
  }

  /** Another hint while the state goes on; one that is there stays long enough to be read. */
  say(text: string, now = true): void {
    const { hinted } = this;
    if (text === hinted.text) return;
    clearTimeout(hinted.timer);
    const wait = now ? 0 : hinted.since + HINT_MS - performance.now();
    if (wait > 0) {
      hinted.timer = window.setTimeout(() => this.say(text), wait);
      return;
    }
    hinted.text = text;
    hinted.since = performance.now();
    this.hint.textContent = text;
    if (this.dialog.open) this.dialogHint.textContent = text;
  }

  /** A sign over the picture: an arrow for a turn, a tick or a cross for a result; "" for none. */
  turn(sign: string): void {
    this.sign.textContent = sign;
    this.sign.parentElement!.dataset.at = sign;
    this.sign.hidden = !sign;
  }

  /** The whole screen in one colour; null for the card again. */
  colour(rgb: [number, number, number] | null): void {
    if (rgb) {
      this.dialog.style.backgroundColor = `rgb(${rgb.join()})`;
      if (this.dialog.open) return;
      this.dialogVideo.srcObject = this.video.srcObject;
      void this.dialogVideo.play().catch(() => undefined);
      this.dialogHint.textContent = this.words.say("colours");
      this.dialog.showModal();
    } else if (this.dialog.open) {
      this.dialogVideo.srcObject = null;
      this.dialog.close();
    }
  }
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: Node[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function put(target: HTMLElement, text: string): void {
  target.textContent = text;
  target.hidden = !text;
}

function hide(...targets: Element[]): void {
  for (const target of targets) target.setAttribute("aria-hidden", "true");
}

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function ellipse(kind: string): SVGElement {
  const turned = "rotate(-90 78 104)"; // so that progress begins at the top
  return shape("ellipse", { class: kind, cx: 78, cy: 104, rx: 101, ry: 75, pathLength: 100, transform: turned });
}

/** Head and shoulders in the oval, as long as there is no picture. */
function outline(): SVGElement {
  return shape("path", { class: "guide", d: "M34 88a44 50 0 0 1 88 0v8a44 56 0 0 1-88 0zM18 166q18-14 40-17q20 14 40 0q22 3 40 17q-26 38-60 38t-60-38z" });
}
