/*
 * What AWS's XML answers need (S3's errors, STS): the text of one element.  Not
 * a parser: nesting, attributes, entities and CDATA are not known.
 */
#ifndef LT_XML_H
#define LT_XML_H

#include "lt_base.h"

/*
 * What is in the first <name> that is closed, a view into xml without white
 * space around it; len 0: it is not there, or empty.
 */
lt_str_t lt_xml_element(lt_str_t xml, const char *name);

/* The same; len 0 also when it holds markup or an entity. */
lt_str_t lt_xml_text(lt_str_t xml, const char *name);

#endif
