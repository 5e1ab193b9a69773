/*
 * The session-id of a talk's recogniser streams: a UUID that is the same in
 * whatever worker has the talk.  Transcribe ends a stream when another is
 * opened with its id: so a worker that lost the talk loses its stream too.
 * Streams that overlap while one replaces the other have two in turn.
 */
#ifndef LTW_STREAM_ID_H
#define LTW_STREAM_ID_H

#define LTW_STREAM_ID_SIZE 37

void ltw_stream_id(char id[LTW_STREAM_ID_SIZE], const char *session_id,
    unsigned rotation);

#endif
