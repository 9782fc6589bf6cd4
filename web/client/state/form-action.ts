/** A dialog's life: closed, open for a subject, busy, failed. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { ApiError } from '../data/api-error.ts';

export class FormAction<T> implements ReactiveController {
  /** What the dialog is about; null while it is closed. */
  subject: T | null = null;
  isBusy = false;
  error: ApiError | null = null;
  readonly #host: ReactiveControllerHost;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  /** A reply after the page is gone must not find an open dialog. */
  hostDisconnected(): void {
    this.subject = null;
  }

  open(subject: T): void {
    this.subject = subject;
    this.error = null;
    this.isBusy = false;
    this.#host.requestUpdate();
  }

  close(): void {
    this.subject = null;
    this.#host.requestUpdate();
  }

  /** Closes on success; on an ApiError stays open and shows it. Returns whether it went well. */
  async run(work: () => Promise<void>, options: { staysOpen?: boolean } = {}): Promise<boolean> {
    if (this.isBusy) return false;
    this.isBusy = true;
    this.error = null;
    this.#host.requestUpdate();
    try {
      await work();
      if (!options.staysOpen) this.subject = null;
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      return false;
    } finally {
      this.isBusy = false;
      this.#host.requestUpdate();
    }
  }
}
