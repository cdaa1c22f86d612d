// Every test/golden/policy/NAME.conf is loaded and compared with NAME.dump, if it loads, or NAME.errors: what
// the administrator is told, and the policy. With POLICYMUX_UPDATE_GOLDEN=1 the files are written anew.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "rule/lint.h"
#include "rule/load.h"
#include "support/catch.h"
#include "support/memory_files.h"

using namespace policymux;
namespace fs = std::filesystem;

namespace {

std::string slurp(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<fs::path> cases() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator{POLICYMUX_GOLDEN "/policy"}) {
    if (entry.path().extension() == ".conf") out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

std::string rendered(const Diagnostics& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) out += render(diagnostic);
  return out;
}

}  // namespace

TEST_CASE("policies load, or are refused, as their golden files say") {
  REQUIRE(cases().size() > 10);
  for (const auto& path : cases()) {
    CAPTURE(path.filename().string());
    auto files = MemoryFiles::from_bundle(slurp(path));
    const auto loaded = load_policy(files, "policy.conf", {});
    auto got = rendered(loaded.diagnostics);
    const bool is_linted = path.filename().string().starts_with("lint");
    if (loaded.policy && is_linted) got += rendered(lint(*loaded.policy, **compile(*loaded.policy)));
    if (loaded.policy) got += dump(*loaded.policy);
    auto expected = path, other = path;
    expected.replace_extension(loaded.policy ? ".dump" : ".errors");
    other.replace_extension(loaded.policy ? ".errors" : ".dump");
    if (std::getenv("POLICYMUX_UPDATE_GOLDEN") != nullptr) {
      fs::remove(other);
      std::ofstream{expected, std::ios::binary} << got;
    }
    CHECK_FALSE(fs::exists(other));
    CHECK(got == slurp(expected));
  }
}
