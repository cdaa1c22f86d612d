// The only file that knows the library of time zones.
#include <chrono>
#include <stdexcept>

#include <date/tz.h>

#include "base/text.h"
#include "match/calendar.h"

namespace policymux {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

// The local time that is so many seconds away from the epoch.
LocalTime shown(seconds since_epoch) {
  using namespace std::chrono;
  const auto day = floor<days>(since_epoch);
  const sys_days midnight{day};
  const year_month_day date{midnight};
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .weekday = static_cast<int>(weekday{midnight}.c_encoding()),
          .minute = static_cast<int>(floor<minutes>(since_epoch - day).count())};
}

}  // namespace

Result<Zone, std::string> Zone::locate(const std::string& name) {
  try {
    const auto* zone = date::locate_zone(name);
    zone->get_info(date::sys_seconds{});  // reads its file now: later there may be none to read
    return Zone{zone};
  } catch (const std::runtime_error&) {
    return Unexpected{in_quotes(name) + " is no time zone of this system"};
  }
}

std::string_view Zone::name() const { return zone_->name(); }

std::vector<std::string_view> zone_names() {
  std::vector<std::string_view> names;
  try {
    for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::runtime_error&) {  // this system has no zones
  }
  return names;
}

LocalTime local_time(WallTime now, const Zone& zone) {
  struct Known {
    const date::time_zone* zone = nullptr;
    date::sys_seconds begin{}, end{};
    seconds offset{};
  };
  thread_local Known known;
  const auto moment = floor<seconds>(now);
  if (known.zone != zone.zone_ || moment < known.begin || moment >= known.end) {
    const auto info = zone.zone_->get_info(moment);
    known = {zone.zone_, info.begin, info.end, info.offset};
  }
  return shown(moment.time_since_epoch() + known.offset);
}

}  // namespace policymux
