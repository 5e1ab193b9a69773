// What every stand-in agrees on. The keys are fixed and public: they open
// nothing but these processes on loopback.
export const region = 'us-east-1';
export const account = '000000000000';
export const stream = 'lt-audio';
export const bucket = 'lt-voices';
export const credentials = {
    accessKeyId: 'LOCALLOCALLOCALLOCAL',
    secretAccessKey: 'local/stand-in/key/that/opens/nothing/00',
};
