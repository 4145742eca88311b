// The one file that pages load: it defines <unmask-camera>.

import { UnmaskCamera } from "./element";

if (!customElements.get("unmask-camera")) customElements.define("unmask-camera", UnmaskCamera);

export { UnmaskCamera };
export type { Mode, Outcome, Session } from "./protocol";
