/** Bar C2: nothing that a TLS session leaves behind lets anybody in without the whole handshake. */
import { runBar } from '../../support/bar.ts';
import { device, startTestBroker } from '../../support/broker.ts';
import { replayTickets } from '../../support/ticket-replay.ts';

const IDENTITIES = 10;
const ROUNDS = 5;

await runBar(async () => {
  await using test = await startTestBroker();
  const total = { tickets: 0, attempts: 0, resumed: 0 };
  for (let identity = 0; identity < IDENTITIES; identity += 1) {
    const { tickets, attempts, resumed } = await replayTickets(test, test.keysFor(device('acme')), ROUNDS);
    total.tickets += tickets;
    total.attempts += attempts;
    total.resumed += resumed;
  }
  console.log(`${total.tickets} tickets were handed out`);
  return {
    name: 'ticket-replay',
    figure: `${total.resumed} of ${total.attempts} replays resumed`,
    limit: '0',
    holds: total.resumed === 0 && total.attempts > 0,
  };
});
