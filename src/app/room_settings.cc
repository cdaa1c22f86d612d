#include "app/room_settings.h"

namespace policymux {

DecideSettings decide_settings(const Config::Main& settings) {
  return {.timeout = settings.timeout,
          .deadline = settings.deadline,
          .prepend_once = settings.prepend_once,
          .log_decisions = settings.log_decisions};
}

SessionLimits session_limits(const Config::Main& settings) {
  SessionLimits limits;
  limits.request = {.max_request_bytes = settings.max_request_bytes, .max_attributes = settings.max_attributes};
  limits.request_timeout = settings.request_timeout;
  if (settings.idle_timeout) limits.idle_local = limits.idle_remote = *settings.idle_timeout;
  return limits;
}

}  // namespace policymux
