#define _GNU_SOURCE         /* memmem */
#include "lt_xml.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 64
#define SPACE " \t\r\n"

static lt_str_t
trim(lt_str_t s)
{
    while (s.len != 0 && memchr(SPACE, s.data[0], sizeof(SPACE) - 1) != NULL) {
        s.data++;
        s.len--;
    }
    while (s.len != 0
           && memchr(SPACE, s.data[s.len - 1], sizeof(SPACE) - 1) != NULL) {
        s.len--;
    }
    return s;
}

lt_str_t
lt_xml_element(lt_str_t xml, const char *name)
{
    char tag[NAME_MAX_LEN + 4];
    int len = snprintf(tag, sizeof(tag), "<%s>", name);
    lt_str_t text = {NULL, 0};
    const char *from, *to;

    if (xml.len == 0 || len < 0 || (size_t)len >= sizeof(tag) - 1) {
        return text;
    }
    from = memmem(xml.data, xml.len, tag, (size_t)len);
    if (from == NULL) {
        return text;
    }
    from += len;
    len = snprintf(tag, sizeof(tag), "</%s>", name);
    to = memmem(from, (size_t)(xml.data + xml.len - from), tag, (size_t)len);
    if (to == NULL) {
        return text;
    }
    return trim((lt_str_t){from, (size_t)(to - from)});
}

lt_str_t
lt_xml_text(lt_str_t xml, const char *name)
{
    lt_str_t text = lt_xml_element(xml, name);

    if (text.len != 0
        && (memchr(text.data, '<', text.len) != NULL
            || memchr(text.data, '&', text.len) != NULL)) {
        text.len = 0;
    }
    return text;
}
