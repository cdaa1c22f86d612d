#include "app/watch_plan.h"

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/temporary_directory.h"

namespace policymux {
namespace {

namespace fs = std::filesystem;

// What follows the steps to the test's directory, which may be reached through links itself.
std::vector<PathStep> trail_below(const std::string& root, const std::string& name) {
  const auto before = trail_of(root).size();
  auto trail = trail_of(root + '/' + name);
  trail.erase(trail.begin(), trail.begin() + static_cast<std::ptrdiff_t>(before));
  for (auto& step : trail) {
    if (step.directory.starts_with(root)) step.directory.replace(0, root.size(), ".");
  }
  return trail;
}

}  // namespace

TEST_CASE("a trail has every name that a path leads through") {
  const test::TemporaryDirectory directory;
  const auto root = fs::canonical(directory.path()).string();
  fs::create_directories(root + "/v1/lists");
  std::ofstream{root + "/v1/lists/file"} << "x\n";
  fs::create_symlink("v1", root + "/current");
  fs::create_symlink(root + "/current/lists/file", root + "/link");
  fs::create_symlink("loop", root + "/loop");
  const auto to_root = trail_of(root);

  using Trail = std::vector<PathStep>;
  CHECK(trail_below(root, "v1/lists/file") == Trail{{".", "v1"}, {"./v1", "lists"}, {"./v1/lists", "file"}});
  CHECK(trail_below(root, "v1//./lists/../lists/file") ==
        Trail{{".", "v1"}, {"./v1", "lists"}, {"./v1", "lists"}, {"./v1/lists", "file"}});
  CHECK(trail_below(root, "current/lists/file") ==
        Trail{{".", "current"}, {".", "v1"}, {"./v1", "lists"}, {"./v1/lists", "file"}});
  CHECK(trail_below(root, "v1/nowhere/file") == Trail{{".", "v1"}, {"./v1", "nowhere"}});
  CHECK(trail_below(root, "nowhere") == Trail{{".", "nowhere"}});
  CHECK(trail_below(root, "loop").size() == 41);

  // An absolute link begins again at the root.
  const auto through_link = trail_of(root + "/link");
  CHECK(through_link.size() == 2 * to_root.size() + 1 + 4);
  CHECK(through_link.back() == PathStep{root + "/v1/lists", "file"});
}

TEST_CASE("a plan names each directory once, and where the files are") {
  const test::TemporaryDirectory directory;
  const auto root = fs::canonical(directory.path()).string();
  fs::create_directories(root + "/a");
  std::ofstream{root + "/a/one"} << "x\n";
  std::ofstream{root + "/a/two"} << "x\n";
  WatchPlan plan;
  plan.add(root + "/a/one");
  plan.add(root + "/a/two");
  CHECK(plan.lists == std::set{root + "/a/one", root + "/a/two"});
  CHECK(plan.directories.at(root + "/a").has_files);
  CHECK(plan.directories.at(root + "/a").lists.size() == 2);
  CHECK_FALSE(plan.directories.at(root).has_files);
  CHECK(plan.directories.at(root).lists.count("a") == 2);
}

}  // namespace policymux
