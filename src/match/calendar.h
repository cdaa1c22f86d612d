// Days, hours, dates and months, in the local time of a zone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "base/time.h"

namespace date {
class time_zone;
}

namespace policymux {

// A moment as a wall calendar shows it.
struct LocalTime {
  int year = 1970;
  int month = 1;       // 1..12
  int day = 1;         // 1..31
  int weekday = 4;     // 0 is Sunday
  int minute = 0;      // of the day, 0..1439
};

// The moment in the system's zone (TZ, /etc/localtime). Cheap when asked again within the same minute.
LocalTime local_time(WallTime now);

// A zone by its name, as in "Europe/Berlin". A value; what it refers to lives as long as the process.
class Zone {
 public:
  // Errors: there is no such zone among the system's zone files, or no such files. Blocks on disk I/O.
  static Result<Zone, std::string> locate(const std::string& name);
  std::string_view name() const;
  bool operator==(const Zone&) const = default;

 private:
  friend LocalTime local_time(WallTime now, const Zone& zone);
  explicit Zone(const date::time_zone* zone) : zone_{zone} {}
  const date::time_zone* zone_;
};
// All that can be located, where the system has zone files.
std::vector<std::string_view> zone_names();

// The moment in that zone. Reads no file; cheapest when the same zone is asked again and again.
LocalTime local_time(WallTime now, const Zone& zone);

// A set of weekdays, bit 0 is Sunday.
using DaySet = std::uint8_t;
// One value of a day rule. Letters run together (m t w h f a s: h is Thursday, a Saturday, s Sunday), or
// full English names and ranges of them in any case, separated by commas: "Tuesday-Friday,Sunday"; ranges
// wrap. The error explains ("sat": Saturday, or the letters s, a, t?).
Result<DaySet, std::string> parse_days(std::string_view text);
std::string to_string_days(DaySet days);

// Minutes of the day, both ends included; first > last runs over midnight.
struct TimeRange {
  int first = 0, last = 0;
  bool contains(int minute) const {
    return first <= last ? first <= minute && minute <= last : minute >= first || minute <= last;
  }
  bool operator==(const TimeRange&) const = default;
};
// "08:00-17:00" (17:00:59 is still inside), "22:00-06:00", "18:00-24:00"; equal ends are the whole day.
Result<TimeRange, std::string> parse_time_range(std::string_view text);
std::string to_string(const TimeRange& range);

// Dates as year * 10000 + month * 100 + day; both ends included.
struct DateRange {
  int first = 0, last = 0;
  bool contains(const LocalTime& t) const {
    const int date = t.year * 10000 + t.month * 100 + t.day;
    return first <= date && date <= last;
  }
  bool operator==(const DateRange&) const = default;
};
// "2026-12-24" or "2026-12-24..2027-01-02". Errors: no such day, first > last.
Result<DateRange, std::string> parse_date_range(std::string_view text);
std::string to_string(const DateRange& range);

// A set of months, bit 1 is January.
using MonthSet = std::uint16_t;
// A number, an English name in full or its first three letters, or a range of them; ranges wrap; commas.
Result<MonthSet, std::string> parse_months(std::string_view text);
std::string to_string_months(MonthSet months);

}  // namespace policymux
