/* What a deployment may change: replace this file, or override a single value
   with <meta name="lt-sessions" content="…"> (lt-socket, lt-events,
   lt-languages, lt-login) in a page. Times are in milliseconds. */
export const config = {
  sessions: '/sessions',   /* POST here makes a session; + '/<id>' tells of one */
  socket: '/ws',           /* WebSocket; a path of this origin or ws(s)://…     */
  events: '/events',       /* where WebSockets do not get through; '' = never   */
  login: '',               /* POST here gives a speaker's token; '' = no login   */
  languages: [],           /* codes beyond the ten standard ones, e.g. ['ca']   */
  heartbeatMs: 30_000,
  ackMs: 5_000,            /* no answer to a heartbeat for so long: reconnect   */
  connectMs: 8_000,
  retryMs: [500, 1_000, 2_000, 4_000, 8_000, 15_000],
  giveUpMs: 600_000,       /* without a connection for so long: stop trying     */
  statusMs: 5_000,
  keepS: 60,               /* speech kept until the server says it is safe      */
  gapMs: 1_500,            /* how long a missing segment is waited for          */
  fetchMs: 8_000,
  maxBehindS: 30,          /* more unplayed audio than this is skipped          */
};
