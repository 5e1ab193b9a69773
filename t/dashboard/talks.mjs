/* Something to look at: two talks at real speed, listeners in four languages,
   one of them by the real page; then Polly refuses voices, and Kinesis takes
   nothing for longer than nginx keeps it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createSession, speak } from '../../local/client.mjs';
import { loadTalk } from '../../local/talk.mjs';
import { clearFaults, setFault } from '../../local/test/stand-ins.mjs';
import { openPage } from '../e2e/tools.mjs';

const VOICES_REFUSED = 48;     /* twelve: each is tried four times */
const OUTAGE_S = 12;           /* lt_audio_buffer is 8 s */

async function talk(stack, languages, pcm) {
  const session = await createSession(stack);
  const socket = (query) => connect(
    `${stack.urls.ws}?sessionId=${session.sessionId}&${query}`);
  const listeners = await Promise.all(languages.map((language) =>
    socket(`targetLanguage=${language}`)));
  const speaker = await socket(`token=${session.speakerToken}`);
  let isOn = true;
  const over = (async () => {
    while (isOn) {
      await speak({ send: (text) => isOn && speaker.send(text) },
        session.sessionId, pcm);
    }
  })();
  return { session, async stop() {
    isOn = false;
    [speaker, ...listeners].forEach((one) => one.terminate());
    await Promise.race([over, sleep(1000)]);
  } };
}

async function listenByPage(stack, browser, { sessionId }, language) {
  const page = await openPage(browser, `${stack.urls.listener}?session=${sessionId}`);
  await page.check(`[value=${language}]`, { force: true });
  await page.click('#join-button');
  return page;
}

/* Runs the story; say is told what happens.  Returns who is still talking. */
export async function tell(stack, browser, say) {
  const { pcm } = loadTalk();
  const talks = [await talk(stack, ['es', 'es', 'es', 'pt', 'fr'], pcm)];
  await listenByPage(stack, browser, talks[0].session, 'pt');
  say('a talk in three languages, six listeners');
  await sleep(35_000);
  talks.push(await talk(stack, ['es', 'ca', 'ca'], pcm));
  say('a second talk');
  await sleep(20_000);
  await setFault(stack.aws, { service: 'polly', operation: 'SynthesizeSpeech',
    kind: '500', times: VOICES_REFUSED });
  say('Polly refuses voices');
  await sleep(30_000);
  await setFault(stack.aws, { service: 'kinesis', operation: 'PutRecords',
    kind: '500', times: -1 });
  say(`Kinesis takes nothing for ${OUTAGE_S} s`);
  await sleep(OUTAGE_S * 1000);
  await clearFaults(stack.aws);
  say('and all is well again');
  await sleep(45_000);
  return talks;
}
