// Translate's TranslateText on Apertium.
import { AwsError } from './sigv4.mjs';
import { jsonAnswer, parseJson, targetOperation } from './front.mjs';
import { hasRoute, stopApertium, translate } from './apertium.mjs';

const MAX_TEXT_BYTES = 10_000;
const LANGUAGES = new Set(('af sq am ar hy az bn bs bg ca zh zh-TW hr cs da '
    + 'fa-AF nl en et fa tl fi fr fr-CA ka de el gu ht ha he hi hu is id ga it '
    + 'ja kn kk ko lv lt mk ms ml mt mr mn no ps pl pt pt-PT pa ro ru sr si sk '
    + 'sl so es es-MX sw sv ta te th tr uk ur uz vi cy').split(' '));

function check({ Text, SourceLanguageCode, TargetLanguageCode }) {
    for (const [name, value] of Object.entries(
        { Text, SourceLanguageCode, TargetLanguageCode })) {
        if (typeof value !== 'string' || value === '') {
            throw new AwsError('ValidationException',
                `1 validation error detected: Value at '${name}' failed to `
                + 'satisfy constraint: Member must have length greater than '
                + 'or equal to 1');
        }
    }
    if (Buffer.byteLength(Text) > MAX_TEXT_BYTES) {
        throw new AwsError('TextSizeLimitExceededException',
            'Input text size exceeds limit. Max length of request text '
            + `allowed is ${MAX_TEXT_BYTES} bytes while in this request the `
            + `text size is ${Buffer.byteLength(Text)} bytes`);
    }
}

async function handle({ body, operation }) {
    if (operation !== 'TranslateText') {
        throw new AwsError('UnknownOperationException', '');
    }
    const input = parseJson(body);
    check(input);
    const { Text, SourceLanguageCode, TargetLanguageCode } = input;
    const [source, target] = [SourceLanguageCode, TargetLanguageCode].map(
        (code) => code.split('-')[0]);
    if (!LANGUAGES.has(SourceLanguageCode) || !LANGUAGES.has(TargetLanguageCode)
        || (source !== target && !hasRoute(source, target))) {
        throw new AwsError('UnsupportedLanguagePairException',
            `Unsupported language pair: ${SourceLanguageCode} to `
            + `${TargetLanguageCode}.`, 400,
            { SourceLanguageCode, TargetLanguageCode });
    }
    return jsonAnswer({
        TranslatedText: source === target ? Text
            : await translate(Text, source, target),
        SourceLanguageCode, TargetLanguageCode,
    });
}

// Loads dictionaries before they are asked for, one language after the other.
async function warmUp() {
    for (const target of ['es', 'pt', 'fr']) {
        await translate('hello', 'en', target);
    }
}

export function translateService({ isCold = false } = {}) {
    (isCold ? Promise.resolve() : warmUp()).catch((err) => console.error(`translate: ${err.message}`));
    return {
        name: 'translate', signingName: 'translate', protocol: 'json',
        maxBody: 256 * 1024,
        throttleCode: 'ThrottlingException',
        failureCode: 'InternalServerException',
        operationOf: targetOperation('AWSShineFrontendService_20170701'),
        handle,
        stop: stopApertium,
    };
}
