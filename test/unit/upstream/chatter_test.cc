#include "upstream/chatter.h"

#include <string>
#include <vector>

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime start{1h};

}  // namespace

TEST_CASE("what a program writes may arrive cut anywhere") {
  const std::string_view text = "one\n\ntwo\r\nthree";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CAPTURE(cut);
    LineCutter cutter;
    std::vector<std::string> lines;
    const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
    cutter.take(text.substr(0, cut), keep);
    cutter.take(text.substr(cut), keep);
    CHECK(lines == std::vector<std::string>{"one", "two\r"});
    cutter.finish(keep);
    CHECK(lines == std::vector<std::string>{"one", "two\r", "three"});
  }
}

TEST_CASE("a line without an end takes no more memory than the longest") {
  LineCutter cutter;
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
  for (int i = 0; i < 100; ++i) cutter.take(std::string(700, 'x'), keep);
  cutter.take("y\nshort\n", keep);
  CHECK(lines == std::vector<std::string>{std::string(LineCutter::limit, 'x'), "short"});
}

TEST_CASE("lines are logged in a burst and then at a steady rate, and what is left out is counted") {
  LineBudget budget;
  const auto take = [&](SteadyTime now, int n) {
    int taken = 0;
    while (n-- > 0) taken += budget.take(now);
    return taken;
  };
  CHECK(take(start, 150) == 100);
  CHECK(budget.left_out() == 50);
  CHECK(budget.left_out() == 0);
  CHECK(take(start + 99ms, 10) == 0);
  CHECK(take(start + 100ms, 10) == 1);
  CHECK(take(start + 1s, 100) == 9);
  CHECK(take(start + 1h, 1000) == 100);
}
