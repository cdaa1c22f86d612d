#include "log/logger.h"

#include <algorithm>
#include <vector>

#include "log/flusher.h"
#include "support/catch.h"

using namespace policymux;
using namespace std::string_view_literals;

namespace {

// Takes `room` lines, then no more until there is room again.
struct Paper {
  std::vector<std::string> lines;
  std::size_t room = SIZE_MAX;
  std::size_t calls = 0;
};

class PaperSink final : public LogSink {
 public:
  explicit PaperSink(Paper& paper) : paper_{paper} {}
  void format(std::string& out, const LogLine& line) override {
    out += fmt::format("{}:{}:{}", line.time.time_since_epoch().count(), static_cast<int>(line.level), line.text);
  }
  std::size_t write(std::span<const iovec> lines) override {
    ++paper_.calls;
    const auto count = std::min(lines.size(), paper_.room);
    for (const auto& line : lines.first(count)) {
      paper_.lines.emplace_back(static_cast<const char*>(line.iov_base), line.iov_len);
    }
    if (paper_.room != SIZE_MAX) paper_.room -= count;
    return count;
  }

 private:
  Paper& paper_;
};

using Lines = std::vector<std::string>;

WallTime at_seven() { return WallTime{milliseconds{7}}; }

}  // namespace

TEST_CASE("lines below the level are not for the log") {
  Paper paper;
  Logger logger{std::make_unique<PaperSink>(paper), Level::warning, at_seven};
  CHECK_FALSE(logger.enabled(Level::info));
  CHECK(logger.enabled(Level::warning));
  logger.log(Level::info, "no");
  logger.format(Level::debug, "{}", "no");
  logger.log(Level::error, "yes");
  logger.set_level(Level::debug);
  logger.format(Level::debug, "now {}", 2);
  CHECK(logger.flush());
  CHECK(paper.lines == Lines{"7:3:yes", "7:0:now 2"});
}

TEST_CASE("what the reader of a configuration file found is an error or a warning, in one line") {
  Paper paper;
  Logger logger{std::make_unique<PaperSink>(paper), Level::info, at_seven};
  logger.log({.severity = Severity::error, .what = {"main.conf", 1, 2, "bad"}, .source = "x y", .hint = "want z"});
  logger.log({.severity = Severity::warning, .what = {.text = "odd"}});
  CHECK(logger.flush());
  CHECK(paper.lines == Lines{"7:3:main.conf:1:2: error: bad (want z)", "7:2:warning: odd"});
}

TEST_CASE("nothing is written before a flush, then all of it together") {
  Paper paper;
  Logger logger{std::make_unique<PaperSink>(paper), Level::info, at_seven};
  for (int i = 0; i < 50; ++i) logger.format(Level::info, "line {}", i);
  CHECK(paper.calls == 0);
  CHECK(logger.flush());
  CHECK(paper.calls == 1);
  CHECK(paper.lines.size() == 50);
  CHECK(logger.flush());
  CHECK(paper.calls == 1);
}

TEST_CASE("a line has the time at which it was logged") {
  Paper paper;
  WallTime now{milliseconds{1}};
  Logger logger{std::make_unique<PaperSink>(paper), Level::info, [&] { return now; }};
  logger.log(Level::info, "a");
  now += milliseconds{1};
  logger.log(Level::info, "b");
  logger.flush();
  CHECK(paper.lines == Lines{"1:1:a", "2:1:b"});
}

// "control characters never reach the log"
TEST_CASE("control characters and what is not UTF-8 never reach the log") {
  Paper paper;
  Logger logger{std::make_unique<PaperSink>(paper), Level::info, at_seven};
  logger.log(Level::info, "from=<a\r\nb\0c\x1B[31m\xFFgr\xC3\xBC\xC3\x9F>"sv);
  logger.flush();
  CHECK(paper.lines == Lines{"7:1:from=<a??b?c?[31m?grüß>"});
}

TEST_CASE("a long line is cut between characters") {
  Paper paper;
  Logger logger{std::make_unique<PaperSink>(paper), Level::info, at_seven};
  std::string umlauts = "x";
  for (int i = 0; i < 3000; ++i) umlauts += "ü";
  const auto want = "7:1:" + umlauts.substr(0, Logger::line_limit - 1);
  logger.log(Level::info, umlauts);
  logger.format(Level::info, "{}", umlauts);
  logger.flush();
  CHECK(paper.lines == Lines{want, want});
}

TEST_CASE("what cannot be written is kept, in order") {
  Paper paper{.room = 1};
  Logger logger{std::make_unique<PaperSink>(paper), Level::info, at_seven};
  for (const auto* line : {"a", "b", "c"}) logger.log(Level::info, line);
  CHECK_FALSE(logger.flush());
  CHECK(paper.lines == Lines{"7:1:a"});
  CHECK_FALSE(logger.flush());
  paper.room = SIZE_MAX;
  CHECK(logger.flush());
  CHECK(paper.lines == Lines{"7:1:a", "7:1:b", "7:1:c"});
  CHECK(logger.dropped() == 0);
}

TEST_CASE("lines that find no room are dropped, counted and told once") {
  Paper paper{.room = 0};
  Logger logger{std::make_unique<PaperSink>(paper), Level::error, at_seven, 100};
  for (int i = 0; i < 9; ++i) logger.format(Level::error, "0123456789 {}", i);  // 20 bytes of the ring each
  CHECK(logger.dropped() == 4);
  CHECK_FALSE(logger.flush());
  paper.room = SIZE_MAX;
  CHECK(logger.flush());
  CHECK(paper.lines == Lines{"7:3:0123456789 0", "7:3:0123456789 1", "7:3:0123456789 2", "7:3:0123456789 3",
                             "7:3:0123456789 4", "7:2:4 log lines were dropped"});
  logger.log(Level::error, "on");
  CHECK(logger.flush());
  CHECK(paper.lines.back() == "7:3:on");
  CHECK(paper.lines.size() == 7);
  CHECK(logger.dropped() == 4);
}

TEST_CASE("what is left is written at the end") {
  Paper paper;
  { Logger{std::make_unique<PaperSink>(paper), Level::info, at_seven}.log(Level::info, "bye"); }
  CHECK(paper.lines == Lines{"7:1:bye"});
}

namespace {

// Logs two lines in the first pass of a loop and stops it in a later one.
class Speaker {
 public:
  Speaker(Loop& loop, Logger& logger) : loop_{loop}, logger_{logger}, timer_{loop.raw(), this} {
    timer_.arm(milliseconds{0});
  }

 private:
  void on_time() {
    if (spoken_) return loop_.stop();
    spoken_ = true;
    logger_.log(Level::info, "one");
    logger_.log(Level::info, "two");
    timer_.arm(milliseconds{0});
  }

  Loop& loop_;
  Logger& logger_;
  bool spoken_ = false;
  Timer<Speaker, &Speaker::on_time> timer_;
};

}  // namespace

TEST_CASE("the loop writes the log once a pass, before it sleeps, and lends it its clock") {
  Paper paper;
  Logger logger{std::make_unique<PaperSink>(paper)};
  Loop loop;
  {
    LogFlusher flusher{loop, logger};
    Speaker speaker{loop, logger};
    loop.run();
  }
  REQUIRE(paper.lines.size() == 2);
  CHECK(paper.calls == 1);
  CHECK(paper.lines[0].ends_with(":1:one"));
}

TEST_CASE("while lines are stuck the loop does not sleep for long") {
  Paper paper{.room = 1};
  Logger logger{std::make_unique<PaperSink>(paper), Level::info, at_seven};
  Loop loop;
  LogFlusher flusher{loop, logger};
  logger.log(Level::info, "a");
  logger.log(Level::info, "b");
  loop.run_once();  // ends, although nothing but the log wants anything
  paper.room = 1;
  loop.run_once();
  CHECK(paper.lines.size() == 2);
}
