/*
 * English speech to text for the stand-in of Transcribe: a filter.
 *
 * stdin:  PCM, signed 16 bit little endian, 16 kHz, mono; it may come in
 *         bursts and is worked off as fast as the machine can.
 * stdout: JSON lines.  {"type":"ready"} once, then for each utterance
 *         {"type":"partial"|"final","start":s,"end":s,
 *          "words":[{"w":"hello","s":0.50,"e":0.81,"c":0.93}]}
 *         with times in seconds of the stream; "c" in finals only.
 *         Partials come every 250 ms of speech; a final after a pause of
 *         half a second, or after 12 s at the latest.
 *
 * Ends with its input: no parent, no process.
 */
#include <errno.h>
#include <math.h>
#include <pocketsphinx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL "/usr/share/pocketsphinx/model/en-us"

#define RATE 16000
#define FRAME 160                   /* samples: 10 ms, pocketsphinx' own */
#define FRAMES_PER_S 100

#define PREROLL_FRAMES 30           /* kept from before speech was noticed */
#define ONSET_WINDOW 10             /* of the last 10 frames ... */
#define ONSET_FRAMES 6              /* ... 6 are loud: speech */
#define PAUSE_FRAMES 50             /* quiet for so long: the end */
#define SHORT_PAUSE_FRAMES 15       /* enough of a pause when it gets long */
#define LONG_FRAMES 900
#define MAX_FRAMES 1200
#define PARTIAL_FRAMES 25

#define FLOOR_MIN 30.0              /* rms: below this all is silence */
#define FLOOR_RISE 1.0012           /* per frame: 1 dB a second */
#define SPEECH_OVER_FLOOR 3.0       /* 9.5 dB */

typedef struct {
    double smooth;                  /* rms, averaged over some 50 ms */
    double floor;
    unsigned loud_bits;             /* the last frames, newest lowest */
    int quiet_frames;
} vad_t;

typedef struct {
    ps_decoder_t *decoder;
    vad_t vad;
    int speaking;                   /* an utterance is open */
    long frames;                    /* of the stream, read so far */
    long first_frame;               /* of the utterance */
    long ended_at;                  /* frame after the last utterance */
    long partial_at;                /* frame of the last partial */
    int16 preroll[PREROLL_FRAMES][FRAME];
} recognizer_t;

/*
 * pocketsphinx takes -cmn from a feat.params file only: the model's own, but
 * normalised live and starting from a usual microphone.
 */
static const char feat_params[] =
    "-lowerf 130\n-upperf 6800\n-nfilt 25\n-transform dct\n-lifter 22\n"
    "-feat 1s_c_d_dd\n-svspec 0-12/13-25/26-38\n-agc none\n-varnorm no\n"
    "-model ptm\n-cmn live\n"
    "-cmninit 54,5,4,15,-4,3,-6,0,2,-1,1,-1,0\n";

static int
write_feat_params(char *path)
{
    int fd = mkstemp(path);
    ssize_t n;

    if (fd == -1) {
        return -1;
    }
    n = write(fd, feat_params, sizeof(feat_params) - 1);
    close(fd);
    return n == (ssize_t) sizeof(feat_params) - 1 ? 0 : -1;
}

static ps_decoder_t *
open_decoder(void)
{
    char path[] = "/tmp/recognizer-feat-XXXXXX";
    ps_decoder_t *decoder = NULL;
    cmd_ln_t *config;

    if (write_feat_params(path) != 0) {
        fprintf(stderr, "recognizer: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    config = cmd_ln_init(NULL, ps_args(), TRUE,
        "-hmm", MODEL "/en-us", "-lm", MODEL "/en-us.lm.bin",
        "-dict", MODEL "/cmudict-en-us.dict", "-featparams", path,
        "-logfn", "/dev/null", "-fwdflat", "no", "-bestpath", "yes",
        "-dither", "yes", "-seed", "1", "-remove_silence", "no", NULL);
    if (config != NULL) {
        decoder = ps_init(config);
        cmd_ln_free_r(config);
    }
    unlink(path);
    return decoder;
}

static double
rms(const int16 *pcm)
{
    double sum = 0;

    for (int i = 0; i < FRAME; i++) {
        sum += (double) pcm[i] * pcm[i];
    }
    return sqrt(sum / FRAME);
}

/* The floor follows dips at once and rises slowly. */
static void
vad_frame(vad_t *vad, const int16 *pcm)
{
    int loud;

    vad->smooth += (rms(pcm) - vad->smooth) * 0.2;
    vad->floor = fmax(FLOOR_MIN,
                      fmin(vad->floor * FLOOR_RISE, vad->smooth));
    loud = vad->smooth > vad->floor * SPEECH_OVER_FLOOR;
    vad->loud_bits = (vad->loud_bits << 1 | loud) & ((1u << ONSET_WINDOW) - 1);
    vad->quiet_frames = loud ? 0 : vad->quiet_frames + 1;
}

static int
vad_is_onset(const vad_t *vad)
{
    return __builtin_popcount(vad->loud_bits) >= ONSET_FRAMES;
}

/* A dictionary's word without its "(2)"; 0: noise, silence, sentence mark. */
static size_t
word_length(const char *word)
{
    if (word[0] == '<' || word[0] == '[' || word[0] == '+') {
        return 0;
    }
    return strcspn(word, "(");
}

static void
print_word(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (word[i] == '"' || word[i] == '\\') {
            putchar('\\');
        }
        putchar(word[i]);
    }
}

static double
confidence(ps_decoder_t *decoder, ps_seg_t *seg)
{
    double p = logmath_exp(ps_get_logmath(decoder),
                           ps_seg_prob(seg, NULL, NULL, NULL));

    return fmin(1.0, fmax(0.0, p));
}

static void
print_words(recognizer_t *r, int is_final)
{
    const char *comma = "";
    int base = -1, start, end;

    for (ps_seg_t *seg = ps_seg_iter(r->decoder); seg != NULL;
         seg = ps_seg_next(seg))
    {
        const char *word = ps_seg_word(seg);
        size_t length = word_length(word);

        /* Frames count through all utterances; <s> is this one's first. */
        ps_seg_frames(seg, &start, &end);
        base = base == -1 ? start : base;
        if (length == 0) {
            continue;
        }
        printf("%s{\"w\":\"", comma);
        print_word(word, length);
        printf("\",\"s\":%.2f,\"e\":%.2f",
               (double) (r->first_frame + start - base) / FRAMES_PER_S,
               (double) (r->first_frame + end + 1 - base) / FRAMES_PER_S);
        if (is_final) {
            printf(",\"c\":%.2f", confidence(r->decoder, seg));
        }
        putchar('}');
        comma = ",";
    }
}

static void
print_result(recognizer_t *r, int is_final)
{
    printf("{\"type\":\"%s\",\"start\":%.2f,\"end\":%.2f,\"words\":[",
           is_final ? "final" : "partial",
           (double) r->first_frame / FRAMES_PER_S,
           (double) r->frames / FRAMES_PER_S);
    print_words(r, is_final);
    puts("]}");
    fflush(stdout);
}

static void
feed(recognizer_t *r, const int16 *pcm)
{
    ps_process_raw(r->decoder, pcm, FRAME, FALSE, FALSE);
}

/* Opens an utterance with what was heard just before; nothing counts twice. */
static void
begin(recognizer_t *r)
{
    r->first_frame = r->frames - PREROLL_FRAMES;
    if (r->first_frame < r->ended_at) {
        r->first_frame = r->ended_at;
    }
    r->partial_at = r->first_frame;
    r->speaking = 1;
    ps_start_utt(r->decoder);
    for (long f = r->first_frame; f < r->frames; f++) {
        feed(r, r->preroll[f % PREROLL_FRAMES]);
    }
}

static void
finish(recognizer_t *r)
{
    ps_end_utt(r->decoder);
    print_result(r, 1);
    r->speaking = 0;
    r->ended_at = r->frames;
}

static int
is_over(const recognizer_t *r)
{
    long length = r->frames - r->first_frame;
    int quiet = r->vad.quiet_frames;

    return quiet >= PAUSE_FRAMES || length >= MAX_FRAMES
           || (length >= LONG_FRAMES && quiet >= SHORT_PAUSE_FRAMES);
}

static void
take_frame(recognizer_t *r, const int16 *pcm)
{
    vad_frame(&r->vad, pcm);
    memcpy(r->preroll[r->frames % PREROLL_FRAMES], pcm, FRAME * sizeof(*pcm));
    r->frames++;

    if (!r->speaking) {
        if (vad_is_onset(&r->vad)) {
            begin(r);
        }
        return;
    }
    feed(r, pcm);
    if (is_over(r)) {
        finish(r);
        if (r->vad.quiet_frames < SHORT_PAUSE_FRAMES) {
            /* cut in mid-speech: it goes on */
            begin(r);
        }
        return;
    }
    if (r->frames - r->partial_at >= PARTIAL_FRAMES) {
        r->partial_at = r->frames;
        print_result(r, 0);
    }
}

int
main(void)
{
    static recognizer_t r;
    int16 pcm[FRAME];

    r.decoder = open_decoder();
    if (r.decoder == NULL) {
        fprintf(stderr, "recognizer: no decoder: is the model in %s?\n", MODEL);
        return 1;
    }
    r.vad.floor = FLOOR_MIN;
    puts("{\"type\":\"ready\"}");
    fflush(stdout);

    ps_start_stream(r.decoder);
    while (fread(pcm, sizeof(*pcm), FRAME, stdin) == FRAME) {
        take_frame(&r, pcm);
    }
    if (r.speaking) {
        finish(&r);
    }
    ps_free(r.decoder);
    return 0;
}
