// TAP for prove: ok, is, rejects; the plan comes last, so that a script that
// stops half way fails.
let count = 0;
let failed = 0;

export function ok(value, name, detail) {
    count++;
    if (!value) {
        failed++;
    }
    console.log(`${value ? 'ok' : 'not ok'} ${count} - ${name}`);
    if (!value && detail !== undefined) {
        console.log(`# ${String(detail).replaceAll('\n', '\n# ')}`);
    }
}

export function is(got, want, name) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
    ok(a === b, name, `got ${a}\nwant ${b}`);
}

export function note(text) {
    console.log(`# ${text}`);
}

export function skip(name, why) {
    console.log(`ok ${++count} - ${name} # SKIP ${why}`);
}

// The promise fails with an error of that name.
export async function refused(promise, name, what) {
    const error = await promise.then(() => ({ name: 'no error' }), (e) => e);
    ok(error.name === name, what, `${error.name}: ${error.message}`);
    return error;
}

export function done() {
    console.log(`1..${count}`);
    process.exitCode = failed ? 1 : 0;
}
