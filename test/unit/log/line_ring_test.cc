#include "log/line_ring.h"

#include <array>
#include <deque>
#include <random>
#include <string>

#include "support/catch.h"

using namespace policymux;

namespace {

std::string_view view(const iovec& line) { return {static_cast<const char*>(line.iov_base), line.iov_len}; }

std::string front(const LineRing& ring) {
  std::array<iovec, 1> lines;
  return ring.peek(lines) == 0 ? "(empty)" : std::string{view(lines[0])};
}

}  // namespace

TEST_CASE("lines come out in the order they went in") {
  LineRing ring{64};
  CHECK(ring.empty());
  CHECK(ring.push("one"));
  CHECK(ring.push("two"));
  CHECK(front(ring) == "one");
  ring.pop(1);
  CHECK(front(ring) == "two");
  ring.pop(1);
  CHECK(ring.empty());
}

TEST_CASE("a full ring takes nothing and keeps what it has") {
  LineRing ring{24};
  CHECK_FALSE(ring.push(std::string(21, 'x')));
  CHECK(ring.push(std::string(20, 'a')));
  CHECK_FALSE(ring.push(""));
  ring.pop(1);
  CHECK(ring.push("12345678"));
  CHECK(ring.push("12345678"));
  CHECK_FALSE(ring.push(""));
  CHECK(front(ring) == "12345678");
}

TEST_CASE("whatever the sizes, a ring is a queue that is bounded") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  LineRing ring{200};
  std::deque<std::string> want;
  std::size_t bytes = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    if (random() % 2 == 0) {
      const std::string line(random() % 60, static_cast<char>('a' + random() % 26));
      if (ring.push(line)) {
        want.push_back(line);
        bytes += line.size() + 4;
        REQUIRE(bytes <= 200);
      } else {
        ++refused;
        REQUIRE(bytes + line.size() + 4 > 200 - 64);  // at most one line's room is lost at the end of the block
      }
    } else {
      std::array<iovec, 5> lines;
      const auto count = ring.peek(lines);
      REQUIRE(count == std::min(want.size(), lines.size()));
      const auto popped = random() % (count + 1);
      for (std::size_t i = 0; i < popped; ++i) {
        REQUIRE(view(lines[i]) == want.front());
        bytes -= want.front().size() + 4;
        want.pop_front();
      }
      ring.pop(popped);
    }
    REQUIRE(ring.empty() == want.empty());
  }
  CHECK(refused > 0);
}
