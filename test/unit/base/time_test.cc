#include "base/time.h"

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

std::optional<milliseconds> maybe(std::chrono::milliseconds d) { return d; }

}  // namespace

// "Times are `250ms 5s 10m 2h 1d`, and a bare number is seconds"
TEST_CASE("a duration says its unit, and a bare number is seconds") {
  struct Case { std::string_view text; std::optional<milliseconds> want; };
  const Case cases[] = {
      {"250ms", 250ms}, {"5s", 5s}, {"10m", 10min}, {"2h", 2h}, {"1d", 24h}, {"30", 30s}, {"0", 0s}, {"0ms", 0s},
      {"3653d", maybe(24h * 3653)}, {"3654d", {}}, {"315619200", maybe(24h * 3653)}, {"315619201", {}},
      {"18446744073709551615d", {}}, {"99999999999999999999", {}},
      {"", {}}, {"s", {}}, {"ms", {}}, {"-1s", {}}, {"+1s", {}}, {"1.5h", {}}, {"5 s", {}}, {" 5s", {}}, {"5S", {}},
      {"5 parsecs", {}}, {"5w", {}}, {"1h30m", {}}};
  for (const auto& [text, want] : cases) { CAPTURE(text); CHECK(parse_duration(text) == want); }
}

TEST_CASE("a duration is shown in its largest whole unit and reads back") {
  struct Case { milliseconds duration; std::string_view want; };
  const Case cases[] = {{0s, "0s"}, {250ms, "250ms"}, {1500ms, "1500ms"}, {90000ms, "90s"}, {120000ms, "2m"},
                        {60min, "1h"}, {24h, "1d"}, {25h, "25h"}};
  for (const auto& [duration, want] : cases) {
    CHECK(format_duration(duration) == want);
    CHECK(parse_duration(want) == duration);
  }
}
