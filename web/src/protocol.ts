// What goes over the connection of a session; docs/serve.md of unmask describes it.

export type Mode = "passive" | "light" | "head";
export type Outcome = "live" | "attack" | "undecided" | "failed" | "expired";
export type Turn = "left" | "right" | "up";

export interface Session {
  id: string;
  token: string;
  mode?: Mode;
}

/** Mode `light`: colours, RGB 0 to 255, each held for `hold_ms`. Mode `head`: turns in `order`, the person's own left. */
export interface Challenge {
  colours?: [number, number, number][];
  hold_ms?: number;
  order?: Turn[];
}

export interface Ready {
  type: "ready";
  mode: Mode;
  tries_left: number;
  challenge: Challenge | null;
}

/**
 * `face` is xyxy in shares of the picture's sides; `turns` made so far. Sessions of the server's own demo alone
 * hear `reasons`, `score` and `depth`, base64 of a square of bytes.
 */
export interface Told {
  type: "state";
  hint: string | null;
  reasons?: string[];
  face: [number, number, number, number] | null;
  progress: number;
  score?: number | null;
  ack: number;
  turns?: number;
  depth?: string | null;
}

export interface Retry {
  type: "retry";
  hint: string | null;
  reasons?: string[];
  tries_left: number;
}

export interface Decision {
  type: "decision";
  state: Outcome;
  failure?: string | null;
  reasons?: string[];
  score?: number | null;
  threshold?: number | null;
  jws?: string;
}

export interface Refusal {
  type: "error";
  error: string;
}

export type Message = Ready | Told | Retry | Decision | Refusal;
