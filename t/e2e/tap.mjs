/* TAP for scripts: a plan, or none and it comes last; checks, one line each.
   Ends with status 1 when a check failed or the plan was not met. */
let planned = null;
let done = 0;
let failed = 0;

export function plan(count) {
  planned = count;
  console.log(`1..${count}`);
}

export function note(text) {
  for (const line of String(text).split('\n')) {
    console.log(`# ${line}`);
  }
}

export function ok(passed, name, detail) {
  done++;
  console.log(`${passed ? 'ok' : 'not ok'} ${done} - ${name}`);
  if (!passed) {
    failed++;
    const text = typeof detail === 'string' ? detail : JSON.stringify(detail);
    /* prove shows standard error only */
    console.error(`#   Failed test '${name}'\n${(text ?? '').replace(/^/gm, '#   ')}`);
  }
  return Boolean(passed);
}

export function is(got, wanted, name) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];

  return ok(a === b, name, `got ${a}, wanted ${b}`);
}

/* The promise fails with an error of that name; returns the error. */
export async function refused(promise, name, what) {
  const error = await promise.then(() => ({ name: 'no error' }), (e) => e);

  ok(error.name === name, what, `${error.name}: ${error.message}`);
  return error;
}

/* Runs the whole script: a thrown error is a failed test, not a lost one, and
   what it left running does not keep the script alive. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    ok(false, 'the test ran to its end', error.stack);
  }
  if (planned === null) {
    plan(done);
  }
  if (done !== planned) {
    note(`planned ${planned} checks, ran ${done}`);
  }
  process.exit(failed === 0 && done === planned ? 0 : 1);
}
