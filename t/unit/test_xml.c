#include "lt_xml.h"

#include "vectors.h"

static void
test_element(void **state)
{
    static const struct {
        const char *xml, *element, *text;
    } rows[] = {
        {"<Error><Code>SlowDown</Code></Error>", "SlowDown", "SlowDown"},
        {"<Code>\r\n  A b \t</Code>", "A b", "A b"},
        {"<Code>a &amp; b</Code>", "a &amp; b", ""},
        {"<Code><x>1</x></Code>", "<x>1</x>", ""},
        {"<Code>first</Code><Code>second</Code>", "first", "first"},
        {"<Code></Code>", "", ""},
        {"<Code> </Code>", "", ""},
        {"<Code>cut", "", ""},
        {"<Code>cut</Cod", "", ""},
        {"<Code", "", ""},
        {"</Code>late<Code>", "", ""},
        {"", "", ""},
    };
    char longest[100];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_str(lt_xml_element(lt_str(rows[i].xml), "Code"),
            rows[i].element);
        assert_str(lt_xml_text(lt_str(rows[i].xml), "Code"), rows[i].text);
    }
    memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_str(lt_xml_text(LT_STR("<n>x</n>"), longest), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_element),
    };

    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
