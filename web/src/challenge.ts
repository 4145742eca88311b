// What the page does for a challenge: it shows colours or asks for turns, and says when each appeared.

import type { Challenge, Turn } from "./protocol";

const STEADY_MS = 500; // so long the face is good before the first colour or turn
const MIDDLE_MS = 1200; // between two turns
const REST_MS = 300; // the last colour stays a little longer

export interface Stage {
  colour(rgb: [number, number, number] | null): void;
  turn(turn: Turn | "middle"): void;
  shown(index: number, time: number): void;
}

/** One challenge; it begins by itself once the face has been good for a while. */
export class Challenger {
  private good = 0; // since when
  private begun = false;
  private over = false;
  private asked = -1; // the turn that is asked for
  private timer = 0;

  constructor(
    private readonly challenge: Challenge,
    private readonly stage: Stage,
  ) {}

  get flashing(): boolean {
    return this.begun && !this.over && !!this.challenge.colours;
  }

  /** With each answer of the server: whether the face is good, and how many turns it has counted. */
  told(good: boolean, turns: number): void {
    if (this.over) return;
    if (!this.begun) {
      if (!good) this.good = 0;
      else if (!this.good) this.good = performance.now();
      else if (performance.now() - this.good >= STEADY_MS) this.begin();
    } else if (turns > this.asked && this.challenge.order) {
      this.ask(turns);
    }
  }

  stop(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    this.stage.colour(null);
  }

  private begin(): void {
    this.begun = true;
    if (this.challenge.order) this.ask(0);
    if (this.challenge.colours) void this.colours(this.challenge.colours, this.challenge.hold_ms ?? 400);
  }

  private ask(index: number): void {
    this.asked = index;
    clearTimeout(this.timer);
    if (index) this.stage.turn("middle");
    const turn = this.challenge.order?.[index];
    if (!turn) return;
    const show = async () => {
      this.stage.turn(turn);
      this.stage.shown(index, await painted());
    };
    this.timer = window.setTimeout(show, index ? MIDDLE_MS : 0);
  }

  private async colours(colours: [number, number, number][], hold: number): Promise<void> {
    let due = 0; // when the next colour is due
    for (const [index, colour] of colours.entries()) {
      while (!this.over && performance.now() < due - 4) await frame();
      if (this.over) return;
      this.stage.colour(colour);
      const time = await painted();
      this.stage.shown(index, time);
      due = time + hold; // from when it appeared, so that no colour is shorter than it has to be
    }
    while (!this.over && performance.now() < due + REST_MS) await frame();
    if (!this.over) this.stage.colour(null);
  }
}

function frame(): Promise<number> {
  return new Promise(requestAnimationFrame);
}

/** The time at which what was just changed is on the screen: the frame after the one that draws it begins. */
async function painted(): Promise<number> {
  await frame();
  return frame();
}
