/** Where the person is signed in; any of it can be ended. */
import { html, nothing } from 'lit';
import type { SessionView } from '#web-api';
import { formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { deviceOf } from '../format/user-agent.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export class AccountSessions extends ConsolePage {
  readonly #list = new PagedList<SessionView>(this, {
    context: () => this.context,
    what: 'sessions',
    followsOrganization: false,
    fetch: (cursor, signal) => this.context.api.call('sessions.list', { query: cursor, signal }),
  });
  /** One session, or all others. */
  readonly #end = new FormAction<SessionView | 'others'>(this);

  override render() {
    const hasOthers = (this.#list.items ?? []).some(({ is_current }) => !is_current);
    return html`<section class="card table-card" aria-label="Sessions">
        <div class="card-head"><h2>Sessions</h2>
          ${hasOthers ? html`<button type="button" class="button small" @click=${() => this.#end.open('others')}>${icon('logout')}End all others</button>` : nothing}
        </div>
        ${this.#content()}
      </section>
      ${this.#renderEnd()}`;
  }

  #content() {
    return this.#list.render({
      empty: emptyState({ icon: 'user', title: 'No sessions', text: 'You came in without a session.' }),
      table: (items) => html`<table class="table auto" role="table" aria-label="Sessions">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Where</th><th role="columnheader" scope="col">Address</th>
            <th role="columnheader" scope="col">Last used</th><th role="columnheader" scope="col">Signed in</th>
            <th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">${items.map((session) => this.#row(session))}</tbody>
      </table>`,
    });
  }

  #row(session: SessionView) {
    const name = deviceOf(session.user_agent);
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell" title=${session.user_agent ?? ''}><b>${name}</b>${session.is_current ? html`<div class="fine">This session</div>` : nothing}</div></td>
      <td role="cell" data-label="Address"><div class="cell mono">${session.ip_address ?? '–'}</div></td>
      <td role="cell" data-label="Last used"><div class="cell">${ago(session.last_used_at, this.nowMs)}</div></td>
      <td role="cell" data-label="Signed in"><div class="cell">${ago(session.created_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${session.is_current ? nothing : html`<button type="button" class="icon-button" aria-label="End the session of ${name}" title="End" @click=${() => this.#end.open(session)}>${icon('logout')}</button>`}</td>
    </tr>`;
  }

  #renderEnd() {
    const { subject, error, isBusy } = this.#end;
    if (subject === null) return nothing;
    const what = subject === 'others' ? 'all your other sessions' : deviceOf(subject.user_agent);
    return formDialog({
      heading: subject === 'others' ? 'End all other sessions' : 'End session',
      submitLabel: 'End',
      isDanger: true,
      isBusy,
      onClose: () => this.#end.close(),
      onSubmit: () =>
        void this.#end.run(async () => {
          if (subject === 'others') await this.context.api.call('sessions.end_others');
          else await this.context.api.call('sessions.end', { params: { session_id: subject.id } });
          this.context.notices.say('success', 'Signed out there.');
          await this.#list.load();
        }),
      body: html`${formError(error, [])}<p>Whoever uses <b>${what}</b> is signed out at once.</p>`,
    });
  }
}

customElements.define('oc-account-sessions', AccountSessions);
declare global {
  interface HTMLElementTagNameMap {
    'oc-account-sessions': AccountSessions;
  }
}
