// The developer view: score over time, the depth map and the reasons, as the server tells them.

import type { Decision, Told } from "./protocol";
import { element } from "./view";
import type { Words } from "./texts";

const SPAN_MS = 20000;

export class DeveloperView {
  readonly root = element("div", { className: "developer" });
  private readonly chart = element("canvas", { width: 320, height: 96 });
  private readonly map = element("canvas", { width: 32, height: 32 });
  private readonly line = element("p");
  private points: [number, number][] = [];
  private threshold: number | null = null;
  private frames = 0;
  private since = 0;

  constructor(private readonly words: Words) {
    for (const [canvas, key] of [[this.chart, "score"], [this.map, "depth"]] as const) {
      const label = element("figcaption", { textContent: words.say(key) });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", words.say(key));
      const figure = element("figure", {}, label, canvas);
      figure.style.margin = "0";
      this.root.append(figure);
    }
    this.root.append(this.line);
  }

  begin(): void {
    this.points = [];
    this.threshold = null;
    this.frames = 0;
    this.since = performance.now();
    this.draw();
  }

  told(told: Told, roundTrip: number): void {
    this.frames++;
    if (typeof told.score === "number") this.points.push([performance.now(), told.score]);
    if (told.depth) this.depth(told.depth);
    const rate = (this.frames * 1000) / (performance.now() - this.since);
    this.write(told.reasons ?? [], told.score ?? null, `${rate.toFixed(1)} /s · ${Math.round(roundTrip)} ms`);
    this.draw();
  }

  decided(decision: Decision): void {
    this.threshold = decision.threshold ?? null;
    this.write(decision.reasons ?? [], decision.score ?? null, decision.state);
    this.draw();
  }

  private write(reasons: string[], score: number | null, rest: string): void {
    const why = reasons.join(", ") || this.words.say("nothing");
    this.line.textContent = `${score?.toFixed(3) ?? "–"} · ${rest} · ${this.words.say("reasons")}: ${why}`;
  }

  private draw(): void {
    const pen = this.chart.getContext("2d")!;
    const { width, height } = this.chart;
    const now = performance.now();
    const style = getComputedStyle(this.root);
    const y = (score: number) => height - 4 - score * (height - 8);
    pen.clearRect(0, 0, width, height);
    pen.strokeStyle = style.color;
    if (this.threshold !== null) {
      pen.setLineDash([4, 4]);
      pen.strokeRect(-1, y(this.threshold), width + 2, height);
      pen.setLineDash([]);
    }
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 2;
    pen.beginPath();
    for (const [time, score] of this.points) pen.lineTo(width - ((now - time) / SPAN_MS) * width, y(score));
    pen.stroke();
  }

  /** Bright is near. */
  private depth(text: string): void {
    const values = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const side = Math.round(Math.sqrt(values.length));
    const image = new ImageData(side, side);
    values.forEach((value, place) => image.data.set([value, value, value, 255], 4 * place));
    this.map.width = this.map.height = side;
    this.map.getContext("2d")!.putImageData(image, 0, 0);
  }
}
