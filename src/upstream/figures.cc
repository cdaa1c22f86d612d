#include "upstream/figures.h"

#include <iterator>

namespace policymux {
namespace {

// By Failure.
constexpr FailureRow rows[] = {
    {"no_address", "its host name has no address", true},
    {"refused", "no connection", true},
    {"reset", "connection lost before the answer", true},
    {"closed", "end of stream before the answer", true},
    {"cut", "end of stream inside the answer", true},
    {"timed_out", "no answer in time", true},
    {"garbage", "not an answer", true},
    {"too_long", "answer too long", true},
    {"invalid_action", "invalid action", true},
    {"ours", "no connection to be had", false},
    {"queue_full", "too many requests wait for a connection", false},
    {"queue_timeout", "no connection became free in time", false},
    {"switched_off", "switched off meanwhile", false},
};
static_assert(std::size(rows) == failure_count);

}  // namespace

const FailureRow& failure_row(Failure failure) { return rows[static_cast<std::size_t>(failure)]; }

}  // namespace policymux
