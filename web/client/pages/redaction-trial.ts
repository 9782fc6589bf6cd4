/** Shows what the rules, as they stand in the form, would hide in a text; nothing is stored. */
import type { ReactiveController, ReactiveControllerHost, TemplateResult } from 'lit';
import { html, nothing } from 'lit';
import type { RedactionTestReply } from '#web-api';
import { icon } from '../components/icons.ts';
import { ApiError } from '../data/api-error.ts';
import { count } from '../format/quantity.ts';
import type { ConsoleContext } from '../state/context.ts';
import { hitParts, type TelemetryDraft } from './telemetry-draft.ts';

const DEBOUNCE_MS = 350;
/** What the API takes at most. */
const MAX_TEXT = 100_000;

export interface RedactionTrialOptions {
  readonly context: () => ConsoleContext;
  readonly organizationId: () => string;
  readonly draft: () => TelemetryDraft | null;
}

export class RedactionTrial implements ReactiveController {
  error: ApiError | null = null;
  #text = '';
  /** The reply, with the text that it is about. */
  #result: { readonly text: string; readonly reply: RedactionTestReply } | null = null;
  #wait: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  readonly #host: ReactiveControllerHost;
  readonly #options: RedactionTrialOptions;

  constructor(host: ReactiveControllerHost, options: RedactionTrialOptions) {
    this.#host = host;
    this.#options = options;
    host.addController(this);
  }

  hostDisconnected(): void {
    clearTimeout(this.#wait);
    this.#running?.abort(new DOMException('page left', 'AbortError'));
  }

  trySoon(): void {
    clearTimeout(this.#wait);
    this.#wait = setTimeout(() => void this.#try(), DEBOUNCE_MS);
  }

  render(): TemplateResult {
    return html`<h3>Try the rules</h3>
      <p class="fine">Paste a log line. What would be hidden is marked; nothing is stored.</p>
      <textarea class="textarea short" aria-label="Text to try the rules on" maxlength=${MAX_TEXT} spellcheck="false" placeholder="user=ada@acme.example token=ghp_…" @input=${this.#typed}></textarea>
      ${this.error === null || this.error.fields.length > 0 ? nothing : html`<span class="error-text" role="alert">${icon('alert')}${this.error.message}</span>`}
      <div role="status">${this.#result === null ? nothing : this.#outcome(this.#result)}</div>`;
  }

  #outcome({ text, reply }: { text: string; reply: RedactionTestReply }): TemplateResult {
    return html`
      <p class="fine">${count(reply.hits.length, 'hit')}, ${reply.micros.toLocaleString()} µs</p>
      <pre class="trial-text" tabindex="0" role="group" aria-label="What would be hidden">${hitParts(
        text,
        reply.hits,
      ).map((part) =>
        part.rules.length === 0 ? part.text : html`<mark title=${part.rules.join(', ')}>${part.text}</mark>`,
      )}</pre>
      <p class="fine">Stored as</p>
      <pre class="trial-text" tabindex="0" role="group" aria-label="As it would be stored">${reply.text}</pre>`;
  }

  #typed = (event: Event): void => {
    this.#text = event.currentTarget instanceof HTMLTextAreaElement ? event.currentTarget.value : '';
    this.trySoon();
  };

  async #try(): Promise<void> {
    this.#running?.abort(new DOMException('asked again', 'AbortError'));
    const running = new AbortController();
    this.#running = running;
    const text = this.#text;
    const draft = this.#options.draft();
    if (text === '' || draft === null) {
      this.#result = null;
      this.error = null;
      this.#host.requestUpdate();
      return;
    }
    try {
      const reply = await this.#options.context().api.call('redaction.test', {
        params: { organization_id: this.#options.organizationId() },
        body: {
          text,
          rules: draft.rules.filter((rule) => rule.name !== '' && rule.pattern !== ''),
          disabled_builtin: [...draft.disabledBuiltin],
        },
        signal: running.signal,
      });
      if (this.#running !== running) return;
      this.#result = { text, reply };
      this.error = null;
    } catch (error) {
      if (running.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      this.#result = null;
    }
    this.#host.requestUpdate();
  }
}
