/** The installation's authorities on the page of certificates: how far a change is, and the buttons to begin and end one. */
import {
  html,
  nothing,
  type ReactiveController,
  type ReactiveControllerHost,
  type TemplateResult,
} from 'lit';
import type { AuthorityView, CertificateSummary } from '#web-api';
import { describedBy, field, formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { errorState } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { count } from '../format/quantity.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { allows } from '../state/session.ts';

const STATE_WORDS: Readonly<Record<AuthorityView['state'], string>> = {
  next: 'Next: trusted by everything, signs nothing yet',
  active: 'Active: signs',
  retiring: 'Retiring: trusted until nothing depends on it',
  retired: 'Retired',
};

export class AuthorityCard implements ReactiveController {
  readonly #context: () => ConsoleContext;
  readonly #host: ReactiveControllerHost;
  readonly #generations: Resource<{ items: AuthorityView[] }>;
  readonly #rollover: FormAction<true>;
  readonly #retire: FormAction<AuthorityView>;
  #typedId = '';
  #isAsked = false;

  constructor(host: ReactiveControllerHost, context: () => ConsoleContext) {
    this.#context = context;
    this.#host = host;
    this.#generations = new Resource(host, (signal) => context().api.call('authorities.list', { signal }));
    this.#rollover = new FormAction(host);
    this.#retire = new FormAction(host);
    host.addController(this);
  }

  /** On a fresh page the rights come after the first look. */
  hostUpdate(): void {
    if (!this.#isAsked) this.refresh();
  }

  hostDisconnected(): void {
    this.#isAsked = false;
  }

  refresh(): void {
    if (!this.#mayChange()) return;
    this.#isAsked = true;
    void this.#generations.load();
  }

  #mayChange(): boolean {
    return allows(this.#context().session.get(), 'authority.rollover', null);
  }

  render(installation: CertificateSummary['installation'], nowMs: number): TemplateResult | typeof nothing {
    if (installation === null) return nothing;
    const worn = installation.revocation_lists.filter(({ is_worn: isWorn }) => isWorn);
    return html`<section class="card" aria-labelledby="authority-title">
      <div class="card-head"><h2 id="authority-title">This installation</h2></div>
      <div class="card-body">${
        worn.length === 0
          ? nothing
          : html`<div class="callout tone-warn" role="status">${icon('alert')}<div><p>A revocation list is past half of its life (${worn.map(({ authority_id: id }) => id).join(', ')}). Brokers that read it refuse every device once it is over. Is the control plane running?</p></div></div>`
      }
      <ul class="plain-list">
        ${installation.certificates.map(
          (own) =>
            html`<li><b>${own.holder}</b> <span class="fine">ends ${ago(own.not_after, nowMs)}</span></li>`,
        )}
        ${installation.revocation_lists.map(
          (list) =>
            html`<li><b>Revocation list of ${list.authority_id}</b> <span class="fine">published ${ago(list.this_update, nowMs)}, over ${ago(list.next_update, nowMs)}</span></li>`,
        )}
      </ul>
      ${this.#mayChange() ? this.#renderGenerations(nowMs) : nothing}</div>
      ${this.#renderRollover()} ${this.#renderRetire()}
    </section>`;
  }

  #renderGenerations(nowMs: number) {
    const { value, error } = this.#generations;
    if (value === null) return error === null ? nothing : errorState(error, () => this.refresh());
    const items = value.items.filter(({ state }) => state !== 'retired');
    const isChanging = items.some(({ state, serves }) => state === 'next' || (state === 'active' && !serves));
    return html`
      <h3>Change of authority</h3>
      <ul class="plain-list">
        ${items.map((one) => this.#renderGeneration(one, nowMs))}
      </ul>
      <button type="button" class="button" ?disabled=${isChanging} @click=${() => this.#rollover.open(true)}>${icon('refresh')}Change to a new authority</button>`;
  }

  #renderGeneration(one: AuthorityView, nowMs: number) {
    const informed = `${one.informed_devices.toLocaleString()} of ${count(one.connected_devices, 'connected device')} trust${one.informed_devices === 1 ? 's' : ''} its root`;
    return html`<li>
      <b class="mono">${one.id}</b> ${STATE_WORDS[one.state]}${one.serves ? ', stands behind our servers' : ''}
      <div class="fine">${count(one.certificates, 'certificate')} · ${informed}${one.state === 'next' ? html` · signs from ${ago(one.activate_at, nowMs)}` : nothing}${one.state === 'active' && !one.serves ? html` · servers change ${ago(one.serve_at, nowMs)} at the latest` : nothing}</div>
      ${one.state === 'retiring' && !one.serves ? html`<button type="button" class="button small" @click=${() => this.#openRetire(one)}>Retire ${one.id}</button>` : nothing}
    </li>`;
  }

  #renderRollover() {
    if (this.#rollover.subject === null) return nothing;
    const { api, notices } = this.#context();
    return formDialog({
      heading: 'Change to a new authority',
      submitLabel: 'Begin',
      isBusy: this.#rollover.isBusy,
      onClose: () => this.#rollover.close(),
      onSubmit: (form) =>
        void this.#rollover.run(async () => {
          const newRoot = form.has('new_root');
          await api.call('authorities.rollover', { body: { new_root: newRoot } });
          notices.say('success', 'The next authority is made. Everything trusts it within a minute.');
          await this.#generations.load();
        }),
      body: html`${formError(this.#rollover.error, [])}
        <p>Devices learn the new authority over their live link and get certificates from it as the old ones are renewed. Nobody is disconnected.</p>
        <label class="check"><input type="checkbox" name="new_root" autofocus /> A new root as well</label>`,
    });
  }

  #openRetire(one: AuthorityView): void {
    this.#typedId = '';
    this.#retire.open(one);
  }

  #renderRetire() {
    const one = this.#retire.subject;
    if (one === null) return nothing;
    const { api, notices } = this.#context();
    const isForced = one.certificates > 0;
    return formDialog({
      heading: 'Retire authority',
      submitLabel: 'Retire',
      isDanger: true,
      isBusy: this.#retire.isBusy,
      isDisabled: this.#typedId !== one.id,
      onClose: () => this.#retire.close(),
      onSubmit: () =>
        void this.#retire.run(async () => {
          if (this.#typedId !== one.id) return;
          await api.call('authorities.retire', {
            params: { authority_id: one.id },
            body: { authority_id: one.id, force: isForced },
          });
          notices.say('success', `${one.id} is retired.`);
          await this.#generations.load();
        }),
      body: html`${formError(this.#retire.error, [])}
        ${isForced ? html`<div class="callout tone-warn">${icon('alert')}<div><p><b>${count(one.certificates, 'certificate')}</b> still depend${one.certificates === 1 ? 's' : ''} on it and will be revoked: their devices are disconnected at once and must enrol anew.</p></div></div>` : nothing}
        ${field({
          id: 'typed-authority',
          label: `Type “${one.id}” to confirm`,
          control: html`<input class="input" id="typed-authority" autocomplete="off" spellcheck="false" autofocus @input=${this.#type} aria-describedby=${describedBy('typed-authority')} />`,
        })}`,
    });
  }

  readonly #type = (event: Event): void => {
    this.#typedId = event.currentTarget instanceof HTMLInputElement ? event.currentTarget.value : '';
    this.#host.requestUpdate();
  };
}
