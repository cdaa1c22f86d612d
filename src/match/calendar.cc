#include "match/calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <optional>
#include <span>

#include "base/text.h"

namespace policymux {

namespace {

constexpr int minutes_a_day = 24 * 60;

Unexpected<std::string> wrong(std::string_view piece, std::string_view why) {
  return {fmt::format("'{}'{}", piece, why)};
}

// --- names that come round again ------------------------------------------------------------------------

constexpr std::string_view day_names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view month_names[] = {"January", "February", "March",     "April",   "May",      "June",
                                            "July",    "August",   "September", "October", "November", "December"};

std::optional<int> index_of(std::span<const std::string_view> names, std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (iequals(names[i], name)) return static_cast<int>(i);
  return std::nullopt;
}

// The name of which `text` is the beginning, or nothing.
std::optional<int> abbreviated(std::span<const std::string_view> names, std::string_view text) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (text.size() >= 2 && iequals(names[i].substr(0, text.size()), text)) return static_cast<int>(i);
  return std::nullopt;
}

// The bits from `first` to `last` of a circle of `count`, both included.
unsigned arc(int first, int last, std::size_t count) {
  const int size = static_cast<int>(count);
  unsigned bits = 1u << first;
  for (int i = first; i != last; bits |= 1u << i) i = (i + 1) % size;
  return bits;
}

// "Monday-Friday,Sunday": runs of three or more as ranges, beginning with the first name that begins a run
// at or after `start`.
std::string format_circle(unsigned bits, std::span<const std::string_view> names, int start) {
  const int size = static_cast<int>(names.size());
  const auto has = [&](int i) { return (bits >> ((i % size + size) % size) & 1u) != 0; };
  const auto name = [&](int i) { return names[static_cast<std::size_t>(i % size)]; };
  if (bits == (1u << size) - 1) return fmt::format("{}-{}", name(start), name(start + size - 1));
  std::string out;
  for (int i = start; i < start + size; ++i) {
    if (!has(i) || has(i - 1)) continue;
    int last = i;
    while (has(last + 1)) ++last;
    if (!out.empty()) out += ',';
    out += name(i);
    if (last > i) fmt::format_to(std::back_inserter(out), "{}{}", last > i + 1 ? '-' : ',', name(last));
  }
  return out;
}

// The union of what `parse_piece` makes of the pieces between commas.
template <class Set, class ParsePiece>
Result<Set, std::string> parse_list(std::string_view text, std::string_view what, ParsePiece parse_piece) {
  unsigned bits = 0;
  const auto pieces = split_words(text, ", \t");
  if (pieces.empty()) return Unexpected{fmt::format("want {}", what)};
  for (const auto piece : pieces) {
    const Result<unsigned, std::string> one = parse_piece(piece);
    if (!one) return Unexpected{one.error()};
    bits |= *one;
  }
  return static_cast<Set>(bits);
}

// --- days ----------------------------------------------------------------------------------------------------

constexpr std::string_view day_letters = "smtwhfa";  // in the order of day_names

Result<int, std::string> parse_day_name(std::string_view text) {
  if (const auto day = index_of(day_names, text)) return *day;
  if (const auto day = abbreviated(day_names, text))
    return wrong(text, fmt::format(" is no day: did you mean {}?", day_names[static_cast<std::size_t>(*day)]));
  return wrong(text, " is no day: want a full English name");
}

// "mtwhf"; nothing where another letter occurs.
std::optional<unsigned> parse_day_letters(std::string_view text) {
  unsigned bits = 0;
  for (const char c : text) {
    const auto day = day_letters.find(ascii_lower(c));
    if (day == day_letters.npos) return std::nullopt;
    bits |= 1u << day;
  }
  return bits;
}

Result<unsigned, std::string> parse_day_piece(std::string_view piece) {
  if (const auto dash = piece.find('-'); dash != piece.npos) {
    const auto first = parse_day_name(piece.substr(0, dash)), last = parse_day_name(piece.substr(dash + 1));
    if (!first) return Unexpected{first.error()};
    if (!last) return Unexpected{last.error()};
    return arc(*first, *last, std::size(day_names));
  }
  if (iequals(piece, "sat")) return wrong(piece, " is ambiguous: Saturday, or the letters s, a, t?");
  if (const auto letters = parse_day_letters(piece)) return *letters;
  const auto day = parse_day_name(piece);
  if (!day) return Unexpected{day.error()};
  return 1u << *day;
}

// --- months --------------------------------------------------------------------------------------------------

// 0 is January.
Result<int, std::string> parse_month(std::string_view text) {
  if (const auto number = parse_number(text); number && *number >= 1 && *number <= 12)
    return static_cast<int>(*number) - 1;
  if (const auto month = index_of(month_names, text)) return *month;
  if (const auto month = abbreviated(month_names, text); month && text.size() == 3) return *month;
  return wrong(text, " is no month: want 1 to 12, a name, or its first three letters");
}

Result<unsigned, std::string> parse_month_piece(std::string_view piece) {
  const auto dash = piece.find('-');
  const auto first = parse_month(piece.substr(0, dash));
  if (!first) return Unexpected{first.error()};
  if (dash == piece.npos) return 1u << *first;
  const auto last = parse_month(piece.substr(dash + 1));
  if (!last) return Unexpected{last.error()};
  return arc(*first, *last, std::size(month_names));
}

// --- times and dates ---------------------------------------------------------------------------------------------

// "8:00" or "08:00" to "24:00", as minutes.
std::optional<int> parse_minute(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos || colon < 1 || colon > 2 || text.size() != colon + 3) return std::nullopt;
  const auto hour = parse_number(text.substr(0, colon)), minute = parse_number(text.substr(colon + 1));
  if (!hour || !minute || *minute > 59) return std::nullopt;
  const auto minutes = *hour * 60 + *minute;
  return minutes <= minutes_a_day ? std::optional{static_cast<int>(minutes)} : std::nullopt;
}

std::string format_minute(int minute) {
  return fmt::format("{:02}:{:02}", minute / 60, minute % 60);
}

// "2026-12-24" as 20261224; nothing where there is no such day.
std::optional<int> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto y = parse_number(text.substr(0, 4)), m = parse_number(text.substr(5, 2)), d = parse_number(text.substr(8));
  if (!y || !m || !d) return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{year{static_cast<int>(*y)}, month{static_cast<unsigned>(*m)},
                            day{static_cast<unsigned>(*d)}};
  return date.ok() ? std::optional{static_cast<int>(*y * 10000 + *m * 100 + *d)} : std::nullopt;
}

std::string format_date(int date) {
  return fmt::format("{:04}-{:02}-{:02}", date / 10000, date / 100 % 100, date % 100);
}

}  // namespace

LocalTime local_time(WallTime now) {
  struct Cached {
    std::chrono::sys_time<std::chrono::minutes> minute;
    LocalTime local;
  };
  thread_local std::optional<Cached> cached;
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  if (!cached || cached->minute != minute) {
    const auto seconds = std::chrono::system_clock::to_time_t(minute);
    std::tm tm{};
    ::localtime_r(&seconds, &tm);
    cached = {minute, LocalTime{.year = tm.tm_year + 1900,
                                .month = tm.tm_mon + 1,
                                .day = tm.tm_mday,
                                .weekday = tm.tm_wday,
                                .minute = tm.tm_hour * 60 + tm.tm_min}};
  }
  return cached->local;
}

Result<DaySet, std::string> parse_days(std::string_view text) {
  return parse_list<DaySet>(text, "days", parse_day_piece);
}

std::string to_string_days(DaySet days) {
  return format_circle(days, day_names, 1);
}

Result<TimeRange, std::string> parse_time_range(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) return wrong(text, " is no time range: want 08:00-17:00");
  const auto first_text = trim(text.substr(0, dash)), last_text = trim(text.substr(dash + 1));
  const auto first = parse_minute(first_text), last = parse_minute(last_text);
  if (!first) return wrong(first_text, " is no time: want 00:00 to 24:00");
  if (!last) return wrong(last_text, " is no time: want 00:00 to 24:00");
  const int begin = *first % minutes_a_day;
  if (begin == *last % minutes_a_day) return TimeRange{0, minutes_a_day - 1};
  return TimeRange{begin, std::min(*last, minutes_a_day - 1)};
}

std::string to_string(const TimeRange& range) {
  const bool to_midnight = range.last == minutes_a_day - 1;
  return fmt::format("{}-{}", format_minute(range.first), to_midnight ? "24:00" : format_minute(range.last));
}

Result<DateRange, std::string> parse_date_range(std::string_view text) {
  constexpr std::string_view no_date = " is no date: want a day that exists, as in 2026-12-24";
  const auto dots = text.find("..");
  const auto first_text = trim(text.substr(0, dots));
  const auto last_text = dots == text.npos ? first_text : trim(text.substr(dots + 2));
  const auto first = parse_date(first_text), last = parse_date(last_text);
  if (!first) return wrong(first_text, no_date);
  if (!last) return wrong(last_text, no_date);
  if (*first > *last) return wrong(text, " ends before it begins");
  return DateRange{*first, *last};
}

std::string to_string(const DateRange& range) {
  if (range.first == range.last) return format_date(range.first);
  return fmt::format("{}..{}", format_date(range.first), format_date(range.last));
}

Result<MonthSet, std::string> parse_months(std::string_view text) {
  const auto months = parse_list<MonthSet>(text, "months", parse_month_piece);
  if (!months) return Unexpected{months.error()};
  return static_cast<MonthSet>(*months << 1);
}

std::string to_string_months(MonthSet months) {
  return format_circle(static_cast<unsigned>(months) >> 1, month_names, 0);
}

}  // namespace policymux
