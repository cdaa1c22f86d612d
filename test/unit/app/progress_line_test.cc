#include "app/progress_line.h"

#include <memory>

#include "support/catch.h"

namespace policymux {
namespace {

using namespace std::chrono_literals;

struct Terminal {
  std::string text() const {
    std::fflush(out.get());
    std::string all(1024, '\0');
    std::rewind(out.get());
    all.resize(std::fread(all.data(), 1, all.size(), out.get()));
    return all;
  }
  struct Close { void operator()(std::FILE* file) const { std::fclose(file); } };
  std::unique_ptr<std::FILE, Close> out{std::tmpfile()};
  SteadyTime now{1h};
};

}  // namespace

TEST_CASE("progress is one line that is updated in place, and gone at the end") {
  Terminal terminal;
  {
    ProgressLine line{terminal.out.get(), [&] { return terminal.now; }};
    terminal.now += 999ms;
    line.show("/lists/a", 10);
    CHECK(terminal.text().empty());
    terminal.now += 1ms;
    line.show("/lists/a", 20);
    terminal.now += 99ms;
    line.show("/lists/a", 21);
    terminal.now += 1ms;
    line.show("/lists/b", 0);
    CHECK(terminal.text() == "\r\033[Kreading /lists/a: 20 %\r\033[Kreading /lists/b: 0 %");
  }
  CHECK(terminal.text() == "\r\033[Kreading /lists/a: 20 %\r\033[Kreading /lists/b: 0 %\r\033[K");
}

TEST_CASE("nothing is said about what is read within a second") {
  Terminal terminal;
  { ProgressLine{terminal.out.get(), [&] { return terminal.now; }}.show("/lists/a", 99); }
  CHECK(terminal.text().empty());
}

}  // namespace policymux
