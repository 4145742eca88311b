// The camera of the device: opened, watched for its loss, and read as JPEG frames with their times.

export type CameraFault = "denied" | "none" | "busy" | "lost" | "insecure" | "unsupported";

const LONGEST_PX = 1280;
const QUALITY = 0.92; // what tells a print from a face is fine: stronger compression would take it away
const STALLED_MS = 8000; // the server ends a silent connection after ten seconds
const FAULTS: Record<string, CameraFault> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class CameraError extends Error {
  constructor(readonly fault: CameraFault) {
    super(fault);
  }
}

export interface Frame {
  time: number; // ms on the clock of performance.now()
  jpeg: Blob;
}

export class Camera {
  private last = 0;
  private seen = performance.now();
  private watch = 0;
  private readonly canvas = document.createElement("canvas");

  private constructor(
    readonly stream: MediaStream,
    private readonly video: HTMLVideoElement,
    private readonly lost: () => void,
  ) {}

  /** Asks for the camera and shows it in `video`; `lost` is called when it goes away. CameraError where there is none. */
  static async open(video: HTMLVideoElement, lost: () => void): Promise<Camera> {
    if (!window.isSecureContext) throw new CameraError("insecure");
    if (!navigator.mediaDevices?.getUserMedia) throw new CameraError("unsupported");
    const wanted = { facingMode: "user", width: { ideal: LONGEST_PX }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: wanted });
    } catch (error) {
      throw new CameraError(FAULTS[(error as Error).name] ?? "none");
    }
    const camera = new Camera(stream, video, lost);
    video.srcObject = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", lost);
    await video.play().catch(() => undefined);
    camera.watch = window.setInterval(() => camera.look(), 500);
    return camera;
  }

  /** What the server is told of the camera and the screen; nothing that names the device itself. */
  about(): object {
    const track = this.stream.getVideoTracks()[0];
    const { deviceId: _, groupId: __, ...settings } = track?.getSettings() ?? {};
    let capabilities = null;
    if (track?.getCapabilities) {
      const { deviceId: ___, groupId: ____, ...others } = track.getCapabilities();
      capabilities = others;
    }
    const screen = { width: innerWidth, height: innerHeight, ratio: devicePixelRatio };
    return { label: track?.label ?? "", capabilities, settings, screen };
  }

  /** Calls `take` with each new picture's time until the camera is closed. */
  each(take: (time: number) => void): void {
    const again = (now: number, picture?: VideoFrameCallbackMetadata) => {
      if (!this.watch) return;
      this.seen = performance.now();
      take(picture?.captureTime ?? now);
      next();
    };
    const next = () =>
      "requestVideoFrameCallback" in this.video ? this.video.requestVideoFrameCallback(again) : requestAnimationFrame(again);
    next();
  }

  /** The picture of this moment; null where its time does not rise or there is none. */
  async frame(time: number): Promise<Frame | null> {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth || time <= this.last) return null;
    this.last = time;
    const scale = Math.min(1, LONGEST_PX / Math.max(videoWidth, videoHeight));
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    this.canvas.getContext("2d")!.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const jpeg = await new Promise<Blob | null>((done) => this.canvas.toBlob(done, "image/jpeg", QUALITY));
    return jpeg && { time, jpeg };
  }

  close(): void {
    clearInterval(this.watch);
    this.watch = 0;
    for (const track of this.stream.getTracks()) {
      track.removeEventListener("ended", this.lost);
      track.stop();
    }
    this.video.srcObject = null;
  }

  private look(): void {
    if (document.hidden) this.seen = performance.now();
    if (performance.now() - this.seen > STALLED_MS) this.lost();
  }
}
