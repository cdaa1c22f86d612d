#include "metrics/metrics.h"

#include <set>

#include "support/catch.h"

using namespace policymux;

TEST_CASE("what is counted is shown, each under its own name") {
  Metrics metrics;
  ++metrics[Counter::requests];
  metrics[Counter::requests] += 2;
  ++metrics[Counter::closed_idle];
  ++metrics[Gauge::connections];
  ++metrics[Gauge::connections];
  --metrics[Gauge::connections];
  const auto text = dump(metrics);
  CAPTURE(text);
  CHECK(text.starts_with("requests 3\n"));
  CHECK(text.find("\nclosed{reason=idle} 1\n") != text.npos);
  CHECK(text.find("\nclosed{reason=malformed} 0\n") != text.npos);
  CHECK(text.find("\nconnections 1\n") != text.npos);
}

TEST_CASE("each number has a name of its own, a unit and a meaning; equal names stand together") {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  std::set<std::string_view> names;
  std::string_view before;
  for (const auto& row : metric_rows()) {
    CAPTURE(row.name, row.label);
    CHECK(seen.emplace(row.name, row.label).second);
    CHECK((row.name == before || names.insert(row.name).second));
    CHECK_FALSE(row.unit.empty());
    CHECK(row.help.ends_with('.'));
    before = row.name;
  }
  CHECK(seen.size() == counter_count + gauge_count);
}
