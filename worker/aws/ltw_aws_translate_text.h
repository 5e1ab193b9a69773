/*
 * TranslateText of Amazon Translate, JSON 1.1.  API reference, TranslateText.
 * Text of at most 10,000 bytes.
 */
#ifndef LTW_AWS_TRANSLATE_TEXT_H
#define LTW_AWS_TRANSLATE_TEXT_H

#include "aws/ltw_aws_call.h"
#include "lt_json.h"
#include "mt/ltw_mt.h"

/* 0: text too long, too many at once, or no memory. */
ltw_aws_id_t ltw_aws_translate_text(ltw_aws_t *aws,
    const ltw_mt_request_t *request, ltw_aws_handler_t handler, void *data);

/* *text is a view into *doc, which must be freed on LT_OK too. */
lt_result_t ltw_aws_translate_text_decode(lt_json_t **doc, lt_str_t *text,
    lt_str_t body);

/* Characters as AWS bills them: code points of UTF-8. */
size_t ltw_aws_characters(lt_str_t text);

#endif
