// What the settings and the logger must agree on: how grave a line is, and where lines go.
#pragma once

#include <cstdint>

namespace policymux {

enum class Level : std::uint8_t { debug, info, warning, error };

enum class LogTarget : std::uint8_t { standard_error, syslog, journal };

// RFC 3164's codes.
enum class Facility : std::uint8_t {
  user = 1, mail = 2, daemon = 3, auth = 4, syslog = 5, lpr = 6, news = 7, uucp = 8, cron = 9, authpriv = 10, ftp = 11,
  local0 = 16, local1, local2, local3, local4, local5, local6, local7,
};

}  // namespace policymux
