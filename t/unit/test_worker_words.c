/* Words become segments once each: stability, finals, replays, punctuation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/ltw_commit.h"

typedef struct {
    ltw_asr_item_t items[64];
    ltw_asr_result_t result;
    char text[512];
} heard_t;

static ltw_words_t words;


/*
 * "the cat sat. | on the" is a partial result: words before | are stable.
 * Each word lasts 200 ms, from start_ms on; punctuation takes no time.
 */
static const ltw_asr_result_t *
hear(heard_t *h, const char *id, int is_partial, const char *text,
    int64_t start_ms)
{
    int is_stable = 1;

    memset(h, 0, sizeof(*h));
    h->result = (ltw_asr_result_t) { lt_str(id), start_ms, start_ms,
        is_partial, h->items, 0, 0 };
    strcpy(h->text, text);
    for (char *w = strtok(h->text, " "); w != NULL; w = strtok(NULL, " ")) {
        ltw_asr_item_t *item = &h->items[h->result.items_n];
        int is_word = strpbrk(w, ".,") == NULL;

        if (strcmp(w, "|") == 0) {
            is_stable = 0;
            continue;
        }
        *item = (ltw_asr_item_t) { lt_str(w), h->result.end_ms,
            h->result.end_ms + (is_word ? 200 : 0), (uint8_t) is_word,
            (uint8_t) (is_stable || !is_partial) };
        h->result.end_ms = item->end_ms;
        h->result.items_n++;
    }
    return &h->result;
}


static void
add(const char *id, int is_partial, const char *text, int64_t start_ms)
{
    heard_t h;

    ltw_words_add(&words, hear(&h, id, is_partial, text, start_ms));
    memset(&h, 'x', sizeof(h));                 /* views must not be kept */
}


static void
expect_until(size_t until, const char *text, unsigned n)
{
    ltw_taken_t taken;
    char got[LTW_WORDS_TEXT_MAX + 1] = "";

    ltw_words_take(&words, until, &taken);
    if (taken.text.len > 0) {
        memcpy(got, taken.text.data, taken.text.len);
    }
    assert_string_equal(n > 0 ? got : "", text);
    assert_int_equal(taken.words, n);
}


static void
expect(int is_flush, const char *text, unsigned n)
{
    expect_until(is_flush ? LTW_WORDS_ALL : LTW_WORDS_STABLE, text, n);
}


static void
begin(const char *language)
{
    ltw_words_deinit(&words);
    ltw_words_init(&words, lt_str(language));
}


static int
setup(void **state)
{
    (void) state;
    begin("en");
    return 0;
}


/* One long result: as many words as it may have. */
static void
add_many(int is_partial, size_t n, size_t cut_n, size_t len)
{
    static ltw_asr_item_t items[LTW_ASR_ITEMS_MAX];
    static const char letters[] = "abcdefghij";
    ltw_asr_result_t r = { .id = LT_STR("long"), .items = items,
        .items_n = n, .is_partial = is_partial, .cut_n = cut_n };

    for (size_t i = 0; i < n; i++) {
        items[i] = (ltw_asr_item_t) { { letters, len }, (int64_t) i * 100,
            (int64_t) i * 100 + 90, 1, 0 };
    }
    ltw_words_add(&words, &r);
}


static void
test_memory(void **state)
{
    ltw_taken_t taken;

    (void) state;
    assert_null(words.items);
    add("a", 1, "the big cat | sad", 0);
    assert_int_equal(words.items_size, 64);
    add_many(1, LTW_ASR_ITEMS_MAX, 0, 5);
    assert_int_equal(words.items_n, LTW_ASR_ITEMS_MAX);
    assert_int_equal(words.dropped, 0);
    add_many(0, LTW_ASR_ITEMS_MAX, 0, 5);
    assert_null(words.items);                   /* given back */
    assert_null(words.texts);
    ltw_words_take(&words, LTW_WORDS_ALL, &taken);
    assert_int_equal(taken.words, LTW_ASR_ITEMS_MAX);
    assert_int_equal(taken.text.len, LTW_ASR_ITEMS_MAX * 6 - 1);
    assert_memory_equal(taken.text.data, "abcde abcde ", 12);
    add("b", 0, "on it .", 900000);
    expect(1, "on it.", 2);
    assert_true(words.pending_size <= 512);
    assert_int_equal(words.dropped, 0);
}


/* What a partial result cuts may come again; what a final does, never. */
static void
test_dropped(void **state)
{
    (void) state;
    add_many(1, LTW_ASR_ITEMS_MAX, 7, 10);
    assert_int_equal(words.items_n, LTW_WORDS_TEXT_MAX / 10);
    assert_int_equal(words.dropped, 0);
    add_many(0, LTW_ASR_ITEMS_MAX, 7, 5);
    assert_int_equal(words.dropped, 7);
}


static void
test_stable_only(void **state)
{
    (void) state;
    add("a", 1, "the big cat | sad", 0);
    assert_int_equal(ltw_words_ready(&words), 3);
    expect(0, "the big cat", 3);
    expect(0, "", 0);
    add("a", 1, "the big cat sat | on", 0);
    expect(0, "sat", 1);
    add("a", 0, "the big cat sat on it .", 0);
    expect(0, "on it.", 2);
    expect(1, "", 0);
}


static void
test_final_and_next(void **state)
{
    (void) state;
    add("a", 0, "well , yes .", 0);
    add("a", 0, "well , yes .", 0);             /* said twice */
    add("b", 1, "now | then", 2000);
    expect(0, "well, yes.", 2);
    expect(0, "now", 1);
    expect(1, "then", 1);
}


/* "watts. He": who began a sentence waits for more of it, once. */
static void
test_fragments(void **state)
{
    (void) state;
    add("a", 0, "than watts .", 0);
    add("b", 1, "he might | even", 2000);
    expect(0, "than watts.", 2);
    add("b", 1, "he might even have | been", 2000);
    expect(0, "he might even have", 4);
    add("b", 1, "he might even have been made | so", 2000);
    expect(0, "been made", 2);                  /* it goes on: not kept */

    add("c", 1, "one two three . four | five", 9000);
    expect(0, "one two three.", 3);
    add("c", 1, "one two three . four | five", 9000);
    expect(0, "four", 1);                       /* a slow speaker */
    add("c", 0, "one two three . four five .", 9000);
    expect(0, "five.", 1);
    add("d", 1, "six | seven", 12000);
    expect(0, "", 0);
    add("d", 0, "six seven .", 12000);
    expect(0, "six seven.", 2);
    add("e", 1, "eight | nine", 15000);
    expect(1, "eight nine", 2);                 /* the end keeps nothing */
}


static void
test_punctuation_alone(void **state)
{
    (void) state;
    add("a", 1, "hello small world", 0);
    expect(0, "hello small world", 3);
    add("a", 0, "hello small world .", 0);
    expect(0, "", 0);
    add("b", 1, "or", 1000);
    expect(0, "", 0);
    expect(0, "or", 1);
    add("b", 0, "or ,", 1000);
    add("c", 0, "again", 2000);
    expect(0, "again", 1);
}


static void
test_times(void **state)
{
    ltw_taken_t taken;

    (void) state;
    add("a", 0, "one two", 1000);
    add("b", 1, "three four five | six", 3000);
    ltw_words_take(&words, LTW_WORDS_STABLE, &taken);
    assert_int_equal(taken.start_ms, 1000);
    assert_int_equal(taken.end_ms, 3600);
}


static void
test_replay(void **state)
{
    (void) state;
    add("a", 1, "one two three | four", 0);
    expect(0, "one two three", 3);
    ltw_words_restart(&words);
    add("a", 1, "one | two", 20);               /* the same id, other stream */
    expect(0, "", 0);
    add("a", 1, "one two three four five", 20);
    expect(0, "four five", 2);
    add("b", 0, "six", 1020);
    expect(0, "six", 1);
}


static void
test_no_spaces(void **state)
{
    (void) state;
    begin("ja");
    add("a", 0, "いい 天気 。", 0);
    /* the full-width stop counts as a word in this test's helper */
    expect(0, "いい天気。", 3);
}


static void
test_overflow(void **state)
{
    char id[16];

    (void) state;
    for (int i = 0; i < 700; i++) {
        snprintf(id, sizeof(id), "r%d", i);
        add(id, 0, "abcdefghi abcdefghi", i * 1000);
    }
    assert_true(words.dropped > 0);
    ltw_taken_t taken;
    ltw_words_take(&words, LTW_WORDS_STABLE, &taken);
    assert_true(taken.text.len <= LTW_WORDS_TEXT_MAX);
    assert_int_equal(taken.words + words.dropped, 1400);
}


static void
test_window(void **state)
{
    const ltw_commit_policy_t *p = &ltw_commit_window;
    ltw_commit_t c;
    heard_t h;

    (void) state;
    p->init(&c, LT_STR("en"), 3000);
    p->batch(&c, 3000, 10000);
    assert_int_equal(p->result(&c, hear(&h, "a", 1, "a b", 0), &words,
        10100), LTW_COMMIT_WAIT);
    assert_int_equal(p->result(&c, hear(&h, "a", 1, "a b", 2300), &words,
        10200), LTW_COMMIT_NOW);                /* ends at 2700 */
    p->committed(&c, 10200);
    assert_int_equal(p->tick(&c, &words, 99999), LTW_COMMIT_WAIT);

    p->batch(&c, 6000, 13000);                  /* nothing is heard */
    assert_int_equal(p->tick(&c, &words, 14499), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 14500), LTW_COMMIT_NOW);
    p->committed(&c, 14500);

    p->batch(&c, 9000, 16000);                  /* a pause at its end */
    assert_int_equal(p->result(&c, hear(&h, "b", 0, "a b", 6000), &words,
        16200), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 16699), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 16700), LTW_COMMIT_NOW);
    p->committed(&c, 16700);
    p->batch(&c, 12000, 19000);
    assert_int_equal(p->result(&c, hear(&h, "c", 0, "a b", 9000), &words,
        20400), LTW_COMMIT_WAIT);               /* not later than it was */
    assert_int_equal(p->tick(&c, &words, 20500), LTW_COMMIT_NOW);
}


static void
test_late_final(void **state)
{
    const ltw_commit_policy_t *p = &ltw_commit_window;
    ltw_commit_t c;
    heard_t h;

    (void) state;
    p->init(&c, LT_STR("en"), 3000);
    p->batch(&c, 3000, 10000);
    p->committed(&c, 11500);
    assert_int_equal(p->result(&c, hear(&h, "a", 1, "a b", 0), &words,
        12600), LTW_COMMIT_WAIT);
    add("a", 0, "a b", 0);                      /* too few to stand alone */
    assert_int_equal(p->result(&c, hear(&h, "a", 0, "a b", 0), &words,
        11600), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 12500), LTW_COMMIT_WAIT);
    add("b", 0, "c", 0);
    assert_int_equal(p->result(&c, hear(&h, "b", 0, "c", 0), &words, 11700),
        LTW_COMMIT_WAIT);                       /* too soon after the other */
    assert_int_equal(p->tick(&c, &words, 12499), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 12500), LTW_COMMIT_NOW);
    p->committed(&c, 12500);
    assert_int_equal(p->result(&c, hear(&h, "c", 0, "d", 0), &words, 13500),
        LTW_COMMIT_NOW);
}


static void
test_idle(void **state)
{
    const ltw_commit_policy_t *p = &ltw_commit_window;
    ltw_commit_t c;

    (void) state;
    p->init(&c, LT_STR("en"), 3000);
    p->batch(&c, 3000, 10000);
    p->committed(&c, 11500);
    assert_int_equal(p->tick(&c, &words, 14000), LTW_COMMIT_WAIT);
    add("a", 1, "stable words", 0);
    assert_int_equal(p->tick(&c, &words, 13999), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 14000), LTW_COMMIT_NOW);
}


/* What the live policy commits of this partial result: "" while it waits. */
static void
expect_live(ltw_commit_t *c, const char *said, const char *text)
{
    heard_t h;
    ltw_taken_t taken;
    char got[LTW_WORDS_TEXT_MAX + 1] = "";

    ltw_words_add(&words, hear(&h, "a", 1, said, 0));
    if (ltw_commit_live.result(c, &h.result, &words, 0) == LTW_COMMIT_NOW) {
        ltw_commit_live.committed(c, 0);
        ltw_words_take(&words, c->until, &taken);
        if (taken.text.len > 0) {
        memcpy(got, taken.text.data, taken.text.len);
    }
    }
    assert_string_equal(got, text);
}


static void
test_live_marks(void **state)
{
    ltw_commit_t c;

    (void) state;
    ltw_commit_live.init(&c, LT_STR("en"), 3000);
    expect_live(&c, "good | morning", "");
    expect_live(&c, "good morning . | how", "good morning.");
    expect_live(&c, "good morning . well , I", "");   /* too short a clause */
    expect_live(&c, "good morning . well , I think so , | but",
        "");
    expect_live(&c, "good morning . well , I think so too , | but",
        "well, I think so too,");
    expect_live(&c, "good morning . well , I think so too , but no . and . x",
        "but no. and.");
}


static void
test_live_length_and_age(void **state)
{
    ltw_commit_t c;

    (void) state;
    ltw_commit_live.init(&c, LT_STR("en"), 3000);
    /* a word is 200 ms: the age comes at the 13th, the length at the 12th */
    expect_live(&c, "we saw a big dog and a small cat under | the table", "");
    expect_live(&c, "we saw a big dog and a small cat under the table",
        "we saw a big dog");
    expect_live(&c, "we saw a big dog and a small cat under the table that "
        "was there all day", "and a small cat under the table");
    /* nothing opens a clause: the last word waits */
    begin("en");
    expect_live(&c, "a b c d e f g h i j k l", "a b c d e f g h i j k");
    /* the last words before so many unstable ones were said long ago */
    begin("en");
    expect_live(&c, "a b c | d e f g h i j k l m", "a b c");
    begin("en");
    expect_live(&c, "a twenty five | e f g h i j k l m", "");
}


static void
test_live_keeps_together(void **state)
{
    ltw_commit_t c;

    (void) state;
    ltw_commit_live.init(&c, LT_STR("en"), 3000);
    expect_live(&c, "a b c d e f g h i twenty five percent",
        "a b c d e f g h");
    begin("en");
    expect_live(&c, "a b c d e f g h i New York City", "a b c d e f g h i");
    begin("en");
    expect_live(&c, "one two three four five six seven eight nine ten "
        "eleven twelve", "");                   /* rather late than broken */
}


static void
test_live_pause(void **state)
{
    const ltw_commit_policy_t *p = &ltw_commit_live;
    ltw_commit_t c;
    heard_t h;

    (void) state;
    p->init(&c, LT_STR("en"), 3000);
    add("a", 1, "come in", 0);
    assert_int_equal(p->result(&c, hear(&h, "a", 1, "come in", 0), &words,
        1000), LTW_COMMIT_WAIT);
    assert_int_equal(p->result(&c, &h.result, &words, 1400),
        LTW_COMMIT_WAIT);                       /* nothing new */
    assert_true(c.has_due);
    assert_int_equal(p->tick(&c, &words, 1499), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 1500), LTW_COMMIT_NOW);
    p->committed(&c, 1500);
    assert_false(c.has_due);
    expect_until(c.until, "come in", 2);

    add("a", 1, "come in all twenty", 0);       /* may go on: "twenty one" */
    assert_int_equal(p->result(&c, hear(&h, "a", 1, "come in all twenty", 0),
        &words, 2000), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 3499), LTW_COMMIT_WAIT);
    assert_int_equal(p->tick(&c, &words, 3500), LTW_COMMIT_NOW);
}


static void
test_live_final(void **state)
{
    const ltw_commit_policy_t *p = &ltw_commit_live;
    ltw_commit_t c;
    heard_t h;

    (void) state;
    p->init(&c, LT_STR("de"), 3000);
    add("a", 0, "ja", 0);
    assert_int_equal(p->result(&c, hear(&h, "a", 0, "ja", 0), &words, 1000),
        LTW_COMMIT_NOW);
    p->committed(&c, 1000);
    expect_until(c.until, "ja", 1);
    assert_int_equal(p->tick(&c, &words, 99999), LTW_COMMIT_WAIT);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_stable_only, setup),
        cmocka_unit_test_setup(test_memory, setup),
        cmocka_unit_test_setup(test_dropped, setup),
        cmocka_unit_test_setup(test_final_and_next, setup),
        cmocka_unit_test_setup(test_fragments, setup),
        cmocka_unit_test_setup(test_punctuation_alone, setup),
        cmocka_unit_test_setup(test_times, setup),
        cmocka_unit_test_setup(test_replay, setup),
        cmocka_unit_test_setup(test_no_spaces, setup),
        cmocka_unit_test_setup(test_overflow, setup),
        cmocka_unit_test_setup(test_window, setup),
        cmocka_unit_test_setup(test_late_final, setup),
        cmocka_unit_test_setup(test_idle, setup),
        cmocka_unit_test_setup(test_live_marks, setup),
        cmocka_unit_test_setup(test_live_length_and_age, setup),
        cmocka_unit_test_setup(test_live_keeps_together, setup),
        cmocka_unit_test_setup(test_live_pause, setup),
        cmocka_unit_test_setup(test_live_final, setup),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
