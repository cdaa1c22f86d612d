#include "app/watcher.h"

#include <filesystem>
#include <fstream>

#include "support/captured_log.h"
#include "support/catch.h"
#include "support/loop_runner.h"
#include "support/temporary_directory.h"

namespace policymux {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Lists = std::set<std::string>;

// A directory with two lists, and a watcher of both that is content with a little quiet.
class Watched {
 public:
  explicit Watched(std::chrono::milliseconds doubt = 1h, std::chrono::milliseconds quiet = 5ms)
      : doubt_{doubt}, quiet_{quiet} {
    write("one", "1\n");
    write("two", "2\n");
    fs::create_directory(path("later"));
    watch();
  }

  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  void write(const std::string& name, std::string_view text) const { std::ofstream{path(name)} << text; }
  bool watch() {
    WatchPlan plan;
    for (const auto* name : {"one", "two", "later/three"}) plan.add(path(name));
    return watcher.watch(std::move(plan));
  }
  // The names of what is reported next.
  Lists next() {
    test::run_until(loop_, [this] { return !reported_.empty(); });
    return names();
  }
  // ... in one pass of the loop, perhaps nothing.
  Lists pass() {
    loop_.run_once();
    return names();
  }

 private:
  Lists names() {
    Lists names;
    for (const auto& list : std::exchange(reported_, {})) names.insert(list.substr(directory_.path().size() + 1));
    return names;
  }

  const std::chrono::milliseconds doubt_, quiet_;
  test::TemporaryDirectory directory_;
  Loop loop_;
  test::CapturedLog log_;
  Lists reported_;

 public:
  Watcher watcher{loop_, log_.logger, [this](Lists lists) { reported_.merge(lists); },
                  {.quiet = {.quiet = quiet_, .longest = 1h}, .doubt = doubt_, .retry = 1ms}};
};

}  // namespace

TEST_CASE("quiet is one second without news, but comes after ten at the latest") {
  QuietTime quiet{QuietTime::Limits{}};
  const SteadyTime start{1h};
  CHECK(quiet.news(start) == 1s);
  CHECK(quiet.news(start + 900ms) == 1s);
  CHECK(quiet.news(start + 8900ms) == 1s);
  CHECK(quiet.news(start + 9500ms) == 500ms);
  CHECK(quiet.news(start + 11s) == 0s);
}

// LANGUAGE: "Watching reacts to close-after-write and rename".
TEST_CASE("whatever may change a list is noticed") {
  Watched lists;
  SECTION("written") { lists.write("one", "1\n2\n"); }
  SECTION("replaced") {
    lists.write("other", "3\n");
    fs::rename(lists.path("other"), lists.path("one"));
  }
  SECTION("moved away") { fs::rename(lists.path("one"), lists.path("other")); }
  SECTION("deleted") { fs::remove(lists.path("one")); }
  SECTION("linked") {
    fs::remove(lists.path("one"));
    fs::create_symlink("two", lists.path("one"));
  }
  SECTION("mode changed") { fs::permissions(lists.path("one"), fs::perms::owner_read); }
  CHECK(lists.next() == Lists{"one"});
}

TEST_CASE("other files, and reading, are no news") {
  Watched lists;
  lists.write("other", "1\n");
  std::string content;
  std::getline(std::ifstream{lists.path("one")}, content);
  lists.write("two", "2\n");
  CHECK(lists.next() == Lists{"two"});
}

TEST_CASE("a list is being written until it is closed") {
  Watched lists;
  std::ofstream writer{lists.path("one")};
  writer << "half" << std::flush;
  CHECK(lists.next() == Lists{"one"});
  CHECK(lists.watcher.being_written() == Lists{lists.path("one")});
  lists.watcher.expect_change(lists.path("one"));
  fs::permissions(lists.path("one"), fs::perms::owner_all);
  lists.watcher.catch_up();
  CHECK(lists.watcher.being_written() == Lists{lists.path("one")});
  writer.close();
  CHECK(lists.next() == Lists{"one"});
  CHECK(lists.watcher.being_written().empty());
}

TEST_CASE("what others do to a list does not end its being written") {
  Watched lists;
  std::ofstream writer{lists.path("one")};
  writer << "half" << std::flush;
  CHECK(lists.next() == Lists{"one"});
  SECTION("touched") { std::ofstream{lists.path("one"), std::ios::app}; }
  SECTION("touched, read and touched") {
    for (int i = 0; i < 2; ++i) {
      std::ofstream{lists.path("one"), std::ios::app};
      lists.watcher.catch_up();
      std::ifstream{lists.path("one")};
    }
  }
  SECTION("moved away and back") {
    fs::rename(lists.path("one"), lists.path("other"));
    lists.watcher.catch_up();
    fs::rename(lists.path("other"), lists.path("one"));
  }
  lists.write("two", "2\n");
  for (Lists seen; !seen.contains("two");) seen = lists.next();
  CHECK(lists.watcher.being_written() == Lists{lists.path("one")});
  writer << "more" << std::flush;
  writer.close();
  lists.watcher.catch_up();
  CHECK(lists.watcher.being_written().empty());
}

// On a busy machine a list was read half-written: the watcher learnt of the writer and of the moves at once.
TEST_CASE("a list that went away and came back in one pass is still being written") {
  Watched lists;
  lists.write("later/three", "3\n");
  CHECK(lists.next() == Lists{"later/three"});
  const auto [list, moved] = GENERATE(table<std::string, std::string>({{"one", "one"}, {"later/three", "later/three"}, {"later/three", "later"}}));
  CAPTURE(list, moved);
  std::ofstream writer{lists.path(list)};
  writer << "half" << std::flush;
  fs::rename(lists.path(moved), lists.path("other"));
  fs::rename(lists.path("other"), lists.path(moved));
  lists.watcher.catch_up();
  CHECK(lists.watcher.being_written() == Lists{lists.path(list)});
  CHECK(lists.next() == Lists{list});
  CHECK(lists.watcher.being_written() == Lists{lists.path(list)});
  writer << "more" << std::flush;
  writer.close();
  CHECK(lists.next() == Lists{list});
  CHECK(lists.watcher.being_written().empty());
}

TEST_CASE("of two who have a list open the writer may close it first") {
  Watched lists;
  std::ofstream writer{lists.path("one")};
  writer << "half" << std::flush;
  lists.watcher.catch_up();
  std::ifstream reader{lists.path("one")};
  writer.close();
  lists.watcher.catch_up();
  CHECK(lists.watcher.being_written() == Lists{lists.path("one")});
  reader.close();
  lists.watcher.catch_up();
  CHECK(lists.watcher.being_written().empty());
}

TEST_CASE("a list that was closed unseen counts as closed after a while") {
  Watched lists{1ms};
  std::ofstream writer{lists.path("one")};
  writer << "half" << std::flush;
  lists.watcher.catch_up();
  fs::rename(lists.path("one"), lists.path("other"));
  writer.close();
  fs::rename(lists.path("other"), lists.path("one"));
  CHECK(lists.next() == Lists{"one"});
  if (!lists.watcher.being_written().empty()) CHECK(lists.next() == Lists{"one"});
  CHECK(lists.watcher.being_written().empty());
}

// A list was cut by its path: the old one stayed in force through every reload.
TEST_CASE("who cuts a list by its path never closes it: after a minute he counts as a writer no longer") {
  for (const auto minute : {std::chrono::milliseconds{1h}, std::chrono::milliseconds{0}}) {
    CAPTURE(minute.count());
    Watched lists{minute};
    fs::resize_file(lists.path("one"), 1);
    CHECK(lists.next() == Lists{"one"});
    CHECK(lists.watcher.being_written() == Lists{lists.path("one")});
    CHECK(lists.watcher.being_written_lately().empty() == (minute == 0s));
  }
}

TEST_CASE("one who writes to a file that is no longer the list does not count") {
  Watched lists;
  std::ofstream writer{lists.path("one")};
  writer << "half" << std::flush;
  lists.write("other", "1\n");
  fs::rename(lists.path("other"), lists.path("one"));
  writer << "more" << std::flush;
  CHECK(lists.next() == Lists{"one"});
  CHECK(lists.watcher.being_written().empty());
}

TEST_CASE("a directory on the way may go and come back") {
  Watched lists;
  fs::create_directory(lists.path("fresh"));
  lists.write("fresh/three", "3\n");
  fs::rename(lists.path("later"), lists.path("old"));
  fs::rename(lists.path("fresh"), lists.path("later"));
  CHECK(lists.next() == Lists{"later/three"});
  CHECK(lists.watch());  // the directory is a new one
  CHECK_FALSE(lists.watch());
  lists.write("later/three", "4\n");
  CHECK(lists.next() == Lists{"later/three"});

  fs::remove_all(lists.path("later"));
  CHECK(lists.next() == Lists{"later/three"});
}

TEST_CASE("a list that changes all the time does not delay another one") {
  Watched lists{1h, 200ms};
  lists.write("two", "2\n");
  Lists seen;
  const auto patience = std::chrono::steady_clock::now() + 30s;
  while (!seen.contains("two") && std::chrono::steady_clock::now() < patience) {
    lists.write("one", "1\n");
    seen.merge(lists.pass());
  }
  CHECK(seen.contains("two"));
}

TEST_CASE("when there was too much news to keep, every list may have changed") {
  std::size_t room = 0;
  std::ifstream{"/proc/sys/fs/inotify/max_queued_events"} >> room;
  if (room == 0 || room > 100'000) {
    WARN("this system keeps " << room << " events: not tried");
    return;
  }
  Watched lists;
  for (std::size_t i = 0; i < room; ++i) fs::create_symlink("x", lists.path(std::to_string(i)));
  lists.write("one", "2\n");
  CHECK(lists.next() == Lists{"one", "two", "later/three"});
}

TEST_CASE("what is no longer watched is no news") {
  Watched lists;
  lists.write("one", "2\n");
  lists.watcher.catch_up();
  CHECK(lists.watcher.take_touched() == Lists{lists.path("one")});
  CHECK(lists.watcher.take_touched().empty());
  WatchPlan plan;
  plan.add(lists.path("two"));
  CHECK_FALSE(lists.watcher.watch(std::move(plan)));
  lists.write("two", "2\n");
  CHECK(lists.next() == Lists{"two"});
}

}  // namespace policymux
