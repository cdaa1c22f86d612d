// A directory of a test's own, gone with all that is in it at the end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "support/catch.h"

namespace policymux::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/policymux-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_{};
};

}  // namespace policymux::test
