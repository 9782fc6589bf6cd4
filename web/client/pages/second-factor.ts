/** The second factor of the own account: set up by QR code, recovery codes, turn off. */
import { html, nothing, type TemplateResult } from 'lit';
import type { BeginSecondFactorReply, SecondFactorView } from '#web-api';
import {
  closeDialog,
  describedBy,
  dialog,
  field,
  fieldError,
  formDialog,
  formError,
  textOf,
} from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { qrCode } from '../components/qr-code.ts';
import { errorState, skeletonRows } from '../components/states.ts';
import { ago } from '../components/time.ts';
import type { ApiError } from '../data/api-error.ts';
import { count } from '../format/quantity.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';
import '../components/copy-field.ts';

type Proof = 'recovery_codes' | 'disable';

export class SecondFactorCard extends ConsolePage {
  readonly #state = new Resource<SecondFactorView>(this, (signal) =>
    this.context.api.call('second_factor.get', { signal }),
  );
  readonly #begin = new FormAction<true>(this);
  readonly #confirm = new FormAction<BeginSecondFactorReply>(this);
  readonly #proof = new FormAction<Proof>(this);
  /** Shown once. */
  #recoveryCodes: readonly string[] | null = null;

  protected override open() {
    void this.#state.load();
    return [];
  }

  override render() {
    return html`<section class="card" aria-label="Second factor">
        <div class="card-head"><h2>Second factor</h2></div>
        <div class="card-body">${this.#content()}</div>
      </section>
      ${this.#renderBegin()} ${this.#renderConfirm()} ${this.#renderProof()} ${this.#renderRecoveryCodes()}`;
  }

  #content() {
    const { value, error } = this.#state;
    if (value === null) {
      return error === null
        ? skeletonRows(1, 'Loading the second factor')
        : errorState(error, () => void this.#state.load());
    }
    if (!value.enabled) {
      return html`<p>Off. With it, signing in also takes a code from an authenticator app on your phone.</p>
        <p class="button-row"><button type="button" class="button primary" @click=${() => this.#begin.open(true)}>${icon('shield')}Set up</button></p>`;
    }
    return html`<p>On since ${ago(value.enabled_at, this.nowMs)}; ${count(value.recovery_codes_left, 'recovery code')} left.</p>
      <p class="button-row">
        <button type="button" class="button" @click=${() => this.#proof.open('recovery_codes')}>${icon('refresh')}New recovery codes</button>
        <button type="button" class="button danger" @click=${() => this.#proof.open('disable')}>${icon('shield-off')}Turn off</button>
      </p>`;
  }

  #renderBegin() {
    const { subject, error, isBusy } = this.#begin;
    if (subject === null) return nothing;
    return formDialog({
      heading: 'Set up a second factor',
      submitLabel: 'Continue',
      isBusy,
      onClose: () => this.#begin.close(),
      onSubmit: (form) =>
        void this.#begin.run(async () => {
          const begun = await this.context.api.call('second_factor.begin', {
            body: { current_password: String(form.get('current_password') ?? '') },
          });
          this.#confirm.open(begun);
        }),
      body: html`${formError(error, ['current_password'])}
        <p>You need an authenticator app, such as Aegis, FreeOTP or the one of your password manager.</p>
        ${passwordField(error)}`,
    });
  }

  #renderConfirm() {
    const { subject, error, isBusy } = this.#confirm;
    if (subject === null) return nothing;
    return formDialog({
      heading: 'Scan and confirm',
      submitLabel: 'Turn on',
      isBusy,
      onClose: () => this.#confirm.close(),
      onSubmit: (form) =>
        void this.#confirm.run(async () => {
          const reply = await this.context.api.call('second_factor.confirm', {
            body: { code: textOf(form, 'code') ?? '' },
          });
          await this.#show(reply.recovery_codes);
        }),
      body: html`${formError(error, ['code'])}
        ${qrCode(subject.otpauth_uri, 'QR code for the authenticator app')}
        <div class="field"><span class="label">Or type this secret</span><oc-copy-field label="Secret" .text=${subject.secret}></oc-copy-field></div>
        ${codeField(error, 'The six digits that the app shows now.', '[0-9]{6}')}`,
    });
  }

  #renderProof() {
    const { subject, error, isBusy } = this.#proof;
    if (subject === null) return nothing;
    const isOff = subject === 'disable';
    return formDialog({
      heading: isOff ? 'Turn the second factor off' : 'New recovery codes',
      submitLabel: isOff ? 'Turn off' : 'Make new ones',
      isDanger: isOff,
      isBusy,
      onClose: () => this.#proof.close(),
      onSubmit: (form) =>
        void this.#proof.run(async () => {
          const body = {
            current_password: String(form.get('current_password') ?? ''),
            code: textOf(form, 'code') ?? '',
          };
          if (isOff) {
            await this.context.api.call('second_factor.disable', { body });
            this.context.notices.say('success', 'The second factor is off.');
            await this.#reload();
          } else {
            const reply = await this.context.api.call('second_factor.recovery_codes', { body });
            await this.#show(reply.recovery_codes);
          }
        }),
      body: html`${formError(error, ['current_password', 'code'])}
        <p>${isOff ? 'From then on your password alone opens your account.' : 'The codes that you have stop working.'}</p>
        ${passwordField(error)} ${codeField(error, 'Of the app, or a recovery code.', null)}`,
    });
  }

  #renderRecoveryCodes() {
    const codes = this.#recoveryCodes;
    if (codes === null) return nothing;
    return dialog({
      heading: 'Your recovery codes',
      onClose: () => {
        this.#recoveryCodes = null;
        this.requestUpdate();
      },
      body: html`
        <div class="callout tone-warn">${icon('alert')}<div><p>Keep them where you keep passwords. Each opens your account once, without the phone. They are not shown again.</p></div></div>
        <oc-copy-field label="Recovery codes" .text=${codes.join('\n')}></oc-copy-field>`,
      footer: html`<button type="button" class="button primary" @click=${closeDialog}>Done</button>`,
    });
  }

  async #show(codes: readonly string[]) {
    this.#recoveryCodes = codes;
    await this.#reload();
  }

  async #reload() {
    await Promise.all([this.#state.load(), this.context.session.refresh()]);
  }
}

const passwordField = (error: ApiError | null): TemplateResult =>
  field({
    id: 'factor-password',
    label: 'Your password',
    error: fieldError(error, 'current_password'),
    control: html`<input class="input" id="factor-password" name="current_password" type="password" required maxlength="200" autofocus autocomplete="current-password" aria-describedby=${describedBy('factor-password')} />`,
  });

const codeField = (error: ApiError | null, hint: string, pattern: string | null): TemplateResult =>
  field({
    id: 'factor-code',
    label: 'Code',
    hint,
    error: fieldError(error, 'code'),
    control: html`<input class="input mono" id="factor-code" name="code" required minlength="6" maxlength="30" pattern=${pattern ?? nothing} autocomplete="one-time-code" autocapitalize="off" spellcheck="false" aria-describedby=${describedBy('factor-code')} />`,
  });

customElements.define('oc-second-factor', SecondFactorCard);
declare global {
  interface HTMLElementTagNameMap {
    'oc-second-factor': SecondFactorCard;
  }
}
