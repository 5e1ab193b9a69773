/* What nginx is told about a talk beside its languages: captions for the
   speaker, and that the talk is drained.  docs/design.md, "Results". */
#ifndef LTW_SPEAKER_H
#define LTW_SPEAKER_H

#include "publish/ltw_publish.h"
#include "session/ltw_segment.h"

/* What was understood; language is the talk's.  Nobody waits for it. */
void ltw_speaker_caption(ltw_lane_t *lane, const char *session,
    const char *language, const ltw_segment_t *segment, int64_t now_wall_ms);

/* The talk waits for a recogniser, at that place in the line; segment: the
   next one's number. */
void ltw_speaker_waits(ltw_lane_t *lane, const char *session,
    const char *language, int64_t segment, int64_t place, int64_t now_wall_ms);

/* The last clip needs play_ms (0 to 2 minutes are said).  As
   ltw_lane_post(). */
lt_result_t ltw_speaker_drained(ltw_lane_t *lane, int64_t play_ms,
    ltw_posted_t handler, void *data);

#endif
