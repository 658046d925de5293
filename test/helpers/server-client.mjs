// Asks a server over one connection, without a pause, and checks every answer:
//   node server-client.mjs http|redis PORT SEEN     at SIGUSR1, and at SIGTERM, which ends it, it writes into SEEN what it saw, as JSON
import { renameSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';

const [, , protocol, port, file] = process.argv;
const everyMs = 5;
const seen = { answered: 0, wrong: 0, connections: 0 };

function failed({ message }) {
  seen.error = message;
}

function answered(isRight, again) {
  if (!isRight) seen.wrong++;
  seen.answered++;
  setTimeout(() => {
    again();
  }, everyMs);
}

/** The server gives back what it is asked with. */
function askHttp(agent) {
  const number = seen.answered;
  const asked = get({ agent, port, host: '127.0.0.1', path: `/?n=${number}` }, (answer) => {
    if (!asked.reusedSocket) seen.connections++;
    let text = '';
    answer.setEncoding('utf8').on('data', (more) => {
      text += more;
    });
    answer.on('end', () => answered(text === `${number}\n`, () => askHttp(agent)));
  });
  asked.on('error', failed);
}

/** The server counts. */
function askRedis() {
  const connection = connect(port, '127.0.0.1');
  const ask = () => connection.write('INCR number\r\n');
  connection.setEncoding('latin1');
  connection.on('connect', () => {
    seen.connections++;
    ask();
  });
  connection.on('data', (text) => answered(text === `:${seen.answered + 1}\r\n`, ask));
  connection.on('error', failed);
  connection.on('close', () => failed({ message: 'the connection was closed' }));
}

const tell = () => {
  writeFileSync(`${file}.new`, JSON.stringify(seen));
  renameSync(`${file}.new`, file);
};
process.on('SIGUSR1', tell);
process.on('SIGTERM', () => {
  tell();
  process.exit();
});
if (protocol === 'http') askHttp(new Agent({ keepAlive: true, maxSockets: 1 }));
else askRedis();
