#include "app/pid_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace policymux;
using namespace policymux::test;

namespace {

std::string content(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream{path}.rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("a pid file holds our number, and goes with us") {
  const TemporaryDirectory directory;
  const auto path = directory.path() + "/pid";
  std::ofstream{path} << "a longer text that was left by somebody else\n";
  {
    const auto file = PidFile::write(path);
    REQUIRE(file);
    CHECK(content(path) == std::to_string(::getpid()) + "\n");
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a pid file that may not be removed becomes empty") {
  const TemporaryDirectory directory;
  const auto path = directory.path() + "/pid";
  {
    const auto file = PidFile::write(path);
    REQUIRE(file);
    // Out of our reach, as after a change of user; a directory in its place cannot be unlinked by anybody.
    std::filesystem::rename(path, path + ".kept");
    std::filesystem::create_directory(path);
  }
  CHECK(std::filesystem::exists(path + ".kept"));
  CHECK(content(path + ".kept").empty());
}

TEST_CASE("no path, no pid file; one that cannot be written is told with its reason") {
  CHECK(PidFile::write(""));
  const auto file = PidFile::write("/nonexistent/pid");
  REQUIRE_FALSE(file);
  CHECK(file.error() == "cannot write /nonexistent/pid: No such file or directory");
}
