#include "app/reloader.h"

#include <filesystem>
#include <fstream>

#include "support/captured_log.h"
#include "support/catch.h"
#include "support/loop_runner.h"
#include "support/temporary_directory.h"

namespace policymux {
namespace {

// A policy with one list, in force, and a reloader that notes what it is told.
class Site {
 public:
  Site() {
    write("list", "one.test\n");
    write("policy.conf", "acl a sender match=domain " + path("list") + "\naccess a\n");
    auto ruleset = read_ruleset(origins(), Config{}, {.keep_list_texts = false});
    live = std::make_shared<LiveTable>(ruleset.table);
    frozen_ = ruleset.frozen;
    reloader_.emplace(loop_, log_.logger, origins(),
                      Reloader::Calls{.in_force = [this] { return InForce{live->evaluator.shared_table(), frozen_}; },
                                      .reloaded = [this](Reload& fresh) { take(fresh); },
                                      .lists_reloaded = [](ListReload&) {}});
    reloader_->watch_first();
  }

  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  void write(const std::string& name, std::string_view text) const { std::ofstream{path(name)} << text; }
  Reloader& reloader() { return *reloader_; }
  void run_until(const std::function<bool()>& done) { test::run_until(loop_, done); }
  void wait_reloaded() {
    run_until([this] { return reloads_ > 0; });
    reloads_ = 0;
  }
  std::size_t values_in_force() const { return live->evaluator.table().lists.at(0)->size(); }

  std::shared_ptr<LiveTable> live;
  Diagnostics told;

 private:
  Origins origins() const { return {.policy = path("policy.conf")}; }
  void take(Reload& fresh) {
    ++reloads_;
    told = std::move(fresh.diagnostics);
    if (!fresh.succession) return;
    reloader_->free(std::exchange(live, std::move(fresh.succession->live)));
    frozen_ = fresh.frozen;
  }

  test::TemporaryDirectory directory_;
  Loop loop_;
  test::CapturedLog log_;
  std::shared_ptr<const FrozenPolicy> frozen_;
  int reloads_ = 0;
  std::optional<Reloader> reloader_;  // the first to go: its thread uses the rest
};

}  // namespace

TEST_CASE("a reload takes up what has changed, or nothing where there is a mistake") {
  Site site;
  site.write("list", "one.test\ntwo.test\n");
  site.reloader().start();
  site.wait_reloaded();
  CHECK(site.values_in_force() == 2);

  const auto before = site.live;
  site.write("policy.conf", "access nonsense\n");
  site.reloader().start();
  site.wait_reloaded();
  CHECK(has_errors(site.told));
  CHECK(site.live == before);
}

TEST_CASE("a list that is being written when a reload begins stays as it was") {
  Site site;
  std::ofstream writer{site.path("list")};
  writer << "half.test\nmore.test\n" << std::flush;
  site.reloader().start();
  site.wait_reloaded();
  CHECK(site.values_in_force() == 1);
  writer.close();
  site.reloader().start();
  site.wait_reloaded();
  CHECK(site.values_in_force() == 2);
}

TEST_CASE("a list that somebody writes to during a reload is not taken half") {
  Site site;
  site.reloader().start();
  std::ofstream writer{site.path("list")};  // the loop does not run, so that the reload cannot have ended
  writer << "half.test\nmore.test\n" << std::flush;
  site.wait_reloaded();
  CHECK(site.values_in_force() == 1);
}

TEST_CASE("a table goes when the last request that waits with it has gone") {
  Site site;
  auto waiting = site.live;
  const std::weak_ptr<LiveTable> old = waiting;
  site.reloader().start();
  site.wait_reloaded();
  CHECK(site.live != waiting);
  waiting.reset();
  CHECK_FALSE(old.expired());  // not here, in the loop's thread
  site.run_until([&] { return old.expired(); });
}

}  // namespace policymux
