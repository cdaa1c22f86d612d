#include "match/calendar.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

std::string days(std::string_view text) {
  const auto parsed = parse_days(text);
  return parsed ? to_string_days(*parsed) : parsed.error();
}
std::string time_range(std::string_view text) {
  const auto parsed = parse_time_range(text);
  return parsed ? to_string(*parsed) : parsed.error();
}
std::string date_range(std::string_view text) {
  const auto parsed = parse_date_range(text);
  return parsed ? to_string(*parsed) : parsed.error();
}
std::string months(std::string_view text) {
  const auto parsed = parse_months(text);
  return parsed ? to_string_months(*parsed) : parsed.error();
}

std::string text(const LocalTime& t) {
  return std::to_string(t.year) + "-" + std::to_string(t.month) + "-" + std::to_string(t.day) + " weekday " +
         std::to_string(t.weekday) + " minute " + std::to_string(t.minute);
}

class InZone {
 public:
  explicit InZone(const char* zone) {
    if (const auto* old = std::getenv("TZ")) old_ = old;
    set(zone);
  }
  ~InZone() { set(old_ ? old_->c_str() : nullptr); }

 private:
  static void set(const char* zone) {
    zone != nullptr ? ::setenv("TZ", zone, 1) : ::unsetenv("TZ");
    ::tzset();
  }
  std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("day: letters that run together, or full English names in any case; ranges wrap") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {"sm", "Sunday,Monday"},
      {"SATURDAY,Sunday", "Saturday,Sunday"},
      {"Monday", "Monday"},
      {"Tuesday-Friday", "Tuesday-Friday"},
      {"mtwhf", "Monday-Friday"},
      {"h", "Thursday"},
      {"a", "Saturday"},
      {"s", "Sunday"},
      {"as", "Saturday,Sunday"},
      {"smtwhfa", "Monday-Sunday"},
      {"m,w", "Monday,Wednesday"},
      {"Tuesday-Friday,Sunday", "Tuesday-Friday,Sunday"},
      {"saturday-MONDAY", "Saturday-Monday"},
      {"Sunday-Saturday", "Monday-Sunday"},
      {"Friday-Friday", "Friday"},
      {"tas", "Tuesday,Saturday,Sunday"},
      // "`sat` alone is an error: Saturday, or the letters s, a, t?"
      {"sat", "'sat' is ambiguous: Saturday, or the letters s, a, t?"},
      {"SAT", "'SAT' is ambiguous: Saturday, or the letters s, a, t?"},
      {"Sunday,sat", "'sat' is ambiguous: Saturday, or the letters s, a, t?"},
      {"mon", "'mon' is no day: did you mean Monday?"},
      {"mon-fri", "'mon' is no day: did you mean Monday?"},
      {"Monday-f", "'f' is no day: want a full English name"},
      {"x", "'x' is no day: want a full English name"},
      {"Mo nday", "'Mo' is no day: did you mean Monday?"},
      {"Monday-", "'' is no day: want a full English name"},
      {"", "want days"},
      {",", "want days"},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(days(text) == want);
    if (const auto parsed = parse_days(text)) CHECK(*parse_days(to_string_days(*parsed)) == *parsed);
  }
}

TEST_CASE("every set of days survives being written and read") {
  for (unsigned set = 1; set < 128; ++set) {
    CAPTURE(set);
    CHECK(*parse_days(to_string_days(static_cast<DaySet>(set))) == set);
  }
}

TEST_CASE("time: the end minute included, over midnight too, 24:00 allowed, equal ends mean all day") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {"08:00-17:00", "08:00-17:00"},
      {"8:00-17:00", "08:00-17:00"},
      {"22:00-06:00", "22:00-06:00"},
      {"18:00-24:00", "18:00-24:00"},
      {"00:00-24:00", "00:00-24:00"},
      {"08:00-08:00", "00:00-24:00"},
      {"24:00-06:00", "00:00-06:00"},
      {"24:00-24:00", "00:00-24:00"},
      {"08:00 - 17:00", "08:00-17:00"},
      {"18:00-23:59", "18:00-24:00"},
      {"08:00", "'08:00' is no time range: want 08:00-17:00"},
      {"25:00-26:00", "'25:00' is no time: want 00:00 to 24:00"},
      {"08:00-24:01", "'24:01' is no time: want 00:00 to 24:00"},
      {"08:60-09:00", "'08:60' is no time: want 00:00 to 24:00"},
      {"8-17", "'8' is no time: want 00:00 to 24:00"},
      {"08:0-17:00", "'08:0' is no time: want 00:00 to 24:00"},
      {"-08:00-17:00", "'' is no time: want 00:00 to 24:00"},
      {"", "'' is no time range: want 08:00-17:00"},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(time_range(text) == want);
    if (const auto parsed = parse_time_range(text)) CHECK(*parse_time_range(to_string(*parsed)) == *parsed);
  }
  const auto work = *parse_time_range("08:00-17:00"), night = *parse_time_range("22:00-06:00");
  CHECK_FALSE(work.contains(7 * 60 + 59));
  CHECK(work.contains(8 * 60));
  CHECK(work.contains(17 * 60));
  CHECK_FALSE(work.contains(17 * 60 + 1));
  CHECK(night.contains(22 * 60));
  CHECK(night.contains(0));
  CHECK(night.contains(6 * 60));
  CHECK_FALSE(night.contains(6 * 60 + 1));
  CHECK(parse_time_range("18:00-24:00")->contains(23 * 60 + 59));
  CHECK_FALSE(parse_time_range("18:00-24:00")->contains(0));
}

TEST_CASE("date: 2026-12-24..2027-01-02, both ends included") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {"2026-12-24", "2026-12-24"},
      {"2026-12-24..2027-01-02", "2026-12-24..2027-01-02"},
      {"2024-02-29", "2024-02-29"},
      {"2026-12-24..2026-12-24", "2026-12-24"},
      {"2026-12-24 .. 2027-01-02", "2026-12-24..2027-01-02"},
      {"2026-02-29", "'2026-02-29' is no date: want a day that exists, as in 2026-12-24"},
      {"2026-13-01", "'2026-13-01' is no date: want a day that exists, as in 2026-12-24"},
      {"2026-1-1", "'2026-1-1' is no date: want a day that exists, as in 2026-12-24"},
      {"2026-12-24..", "'' is no date: want a day that exists, as in 2026-12-24"},
      {"2027-01-02..2026-12-24", "'2027-01-02..2026-12-24' ends before it begins"},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(date_range(text) == want);
  }
  const auto holidays = *parse_date_range("2026-12-24..2027-01-02");
  CHECK_FALSE(holidays.contains({.year = 2026, .month = 12, .day = 23}));
  CHECK(holidays.contains({.year = 2026, .month = 12, .day = 24}));
  CHECK(holidays.contains({.year = 2027, .month = 1, .day = 2}));
  CHECK_FALSE(holidays.contains({.year = 2027, .month = 1, .day = 3}));
}

TEST_CASE("month: by number or name; ranges wrap") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {"1", "January"},
      {"12", "December"},
      {"June", "June"},
      {"jun", "June"},
      {"6-8", "June-August"},
      {"Nov-Feb", "November-February"},
      {"december-1", "December,January"},
      {"1,3,5", "January,March,May"},
      {"1-12", "January-December"},
      {"may", "May"},
      {"0", "'0' is no month: want 1 to 12, a name, or its first three letters"},
      {"13", "'13' is no month: want 1 to 12, a name, or its first three letters"},
      {"ju", "'ju' is no month: want 1 to 12, a name, or its first three letters"},
      {"sept", "'sept' is no month: want 1 to 12, a name, or its first three letters"},
      {"", "want months"},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(months(text) == want);
    if (const auto parsed = parse_months(text)) CHECK(*parse_months(to_string_months(*parsed)) == *parsed);
  }
  CHECK(*parse_months("January") == 1u << 1);
}

TEST_CASE("local time is the zone's, with its summer time") {
  const auto shown = [](WallTime now) { return text(local_time(now)); };
  {
    const InZone utc{"UTC0"};
    CHECK(shown(WallTime{1735689599s}) == "2024-12-31 weekday 2 minute 1439");
    CHECK(shown(WallTime{1735689600s}) == "2025-1-1 weekday 3 minute 0");
    CHECK(shown(WallTime{1735689659s + 999ms}) == "2025-1-1 weekday 3 minute 0");
    CHECK(shown(WallTime{1735689660s}) == "2025-1-1 weekday 3 minute 1");
  }
  {
    const InZone berlin{"CET-1CEST,M3.5.0,M10.5.0/3"};
    CHECK(shown(WallTime{1774745940s}) == "2026-3-29 weekday 0 minute 119");  // 01:59 CET
    CHECK(shown(WallTime{1774746000s}) == "2026-3-29 weekday 0 minute 180");  // 03:00 CEST
  }
}

TEST_CASE("a zone by name shows its own time, whatever the system's zone is") {
  const InZone elsewhere{"XXX-7"};
  struct Case {
    const char* zone;
    std::chrono::seconds now;
    std::string_view want;
  };
  static constexpr Case cases[] = {
      {"UTC", 1798741800s, "2026-12-31 weekday 4 minute 1110"},
      {"Asia/Kathmandu", 1798741800s, "2027-1-1 weekday 5 minute 15"},         // +05:45
      {"America/St_Johns", 1798741800s, "2026-12-31 weekday 4 minute 900"},    // -03:30
      {"Pacific/Kiritimati", 1798741800s, "2027-1-1 weekday 5 minute 510"},    // +14
      {"Europe/Berlin", -1s, "1970-1-1 weekday 4 minute 59"},
      {"UTC", -1s, "1969-12-31 weekday 3 minute 1439"},
      // The hour that summer time takes: 01:59:59, then 03:00.
      {"Europe/Berlin", 1774745999s, "2026-3-29 weekday 0 minute 119"},
      {"Europe/Berlin", 1774746000s, "2026-3-29 weekday 0 minute 180"},
      // The hour that it gives back: 02:00 to 02:59 comes twice.
      {"Europe/Berlin", 1792886399s, "2026-10-25 weekday 0 minute 119"},
      {"Europe/Berlin", 1792886400s, "2026-10-25 weekday 0 minute 120"},
      {"Europe/Berlin", 1792889999s, "2026-10-25 weekday 0 minute 179"},
      {"Europe/Berlin", 1792890000s, "2026-10-25 weekday 0 minute 120"},
      {"Europe/Berlin", 1792893600s, "2026-10-25 weekday 0 minute 180"},
      // Half an hour of summer time.
      {"Australia/Lord_Howe", 1775314799s, "2026-4-5 weekday 0 minute 119"},
      {"Australia/Lord_Howe", 1775314800s, "2026-4-5 weekday 0 minute 90"},
  };
  for (const auto& [name, now, want] : cases) {
    CAPTURE(name, now.count());
    const auto zone = Zone::locate(name);
    REQUIRE(zone);
    CHECK(text(local_time(WallTime{now}, *zone)) == want);
    CHECK(zone->name() == name);
    CHECK(*zone == *Zone::locate(name));
  }
}

TEST_CASE("a zone that the system does not have is none") {
  for (const char* name :
       {"", "Europe/Berln", "europe/berlin", "/etc/passwd", "../etc/localtime", "Europe", "tzdata.zi"}) {
    CAPTURE(name);
    CHECK_FALSE(Zone::locate(name));
  }
  const auto names = zone_names();
  CHECK(std::ranges::count(names, "Europe/Berlin") == 1);
}
