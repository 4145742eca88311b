// All words of the page, one JSON for each language. English is built in, the others lie beside the built file.

import en from "./languages/en.json";

export type Key = keyof typeof en;
export type Texts = Record<Key, string>;

declare const LANGUAGES: string[]; // those beside the built file: build.mjs knows them

/** The first of the wished languages that is there, such as "de-AT" or "zh-Hans-CN"; English where none is. */
function language(wished: readonly string[]): string {
  const there = ["en", ...LANGUAGES];
  return wished.map((tag) => tag.toLowerCase().split("-")[0]!).find((tag) => there.includes(tag)) ?? "en";
}

export class Words {
  private constructor(
    readonly language: string,
    private readonly texts: Texts,
  ) {}

  /** The words of a language, with the site's `own` in their place; English where they cannot be fetched. */
  static async load(wished: readonly string[], own: Partial<Texts>): Promise<Words> {
    const tag = language(wished);
    if (tag === "en") return new Words(tag, { ...en, ...own });
    try {
      const answer = await fetch(new URL(`languages/${tag}.json`, import.meta.url));
      return new Words(tag, { ...en, ...(await answer.json()), ...own });
    } catch {
      return new Words("en", { ...en, ...own });
    }
  }

  /** The text of a key, with each `{name}` replaced. */
  say(key: string, values: Record<string, string | number> = {}): string {
    const text = this.texts[key as Key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  }

  has(key: string): boolean {
    return key in en;
  }
}
