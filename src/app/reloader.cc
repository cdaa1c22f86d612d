#include "app/reloader.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace policymux {
namespace {

Trails trails_of(const std::vector<ValueFilePtr>& lists) {
  Trails trails;
  for (const auto& list : lists) trails.emplace(list->path(), trail_of(list->path()));
  return trails;
}

std::set<std::string> common(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::set<std::string> both;
  std::ranges::set_intersection(a, b, std::inserter(both, both.end()));
  return both;
}

}  // namespace

Reloader::Reloader(Loop& loop, Logger& logger, Origins origins, std::vector<QuestionKind> built_in, Calls calls)
    : origins_{std::move(origins)},
      built_in_{std::move(built_in)},
      calls_{std::move(calls)},
      watcher_{loop, logger, [this](std::set<std::string> lists) { on_lists_changed(std::move(lists)); }},
      wake_{loop.raw(), this} {}

void Reloader::start() {
  reload_wanted_ = true;
  next();
}

void Reloader::on_lists_changed(std::set<std::string> lists) {
  changed_.merge(lists);
  next();
}

void Reloader::watch(const Trails& trails) {
  if (!watcher_.watch(trails)) return;
  for (const auto& [list, trail] : trails) watcher_.expect_change(list);
}

void Reloader::watch_first() {
  const auto table = calls_.in_force().table;
  watcher_.watch(trails_of(table->lists));
  DiskFiles files;
  for (const auto& list : table->lists) {
    if (files.signature(list->path()) != list->signature()) watcher_.expect_change(list->path());
  }
}

void Reloader::next() {
  if (running_) return;
  watcher_.catch_up();
  if (std::exchange(reload_wanted_, false)) run(true, watcher_.being_written());
  else if (!changed_.empty()) run(false, std::exchange(changed_, {}));
}

void Reloader::run(bool is_reload, std::set<std::string> lists) {
  running_ = true;
  watcher_.take_touched();
  auto job = std::make_shared<Job>(Job{.is_reload = is_reload, .lists = std::move(lists), .in_force = calls_.in_force()});
  helper_.post([this, job = std::move(job)] {
    read(*job);
    job->in_force = {};
    const std::lock_guard lock{mutex_};
    done_ = job;
    wake_.send();
  });
}

void Reloader::read(Job& job) const {
  if (job.is_reload) read_all(job);
  else read_lists(job);
}

void Reloader::read_all(Job& job) const {
  auto& fresh = job.reload;
  auto config = read_config(origins_, fresh.diagnostics);
  if (!config) return;
  auto ruleset = read_ruleset(origins_, *std::move(config),
                              {.built_in = built_in_,
                               .keep_list_texts = false,
                               .lists = job.in_force.table->lists,
                               .restless = job.lists});
  std::ranges::move(ruleset.diagnostics, std::back_inserter(fresh.diagnostics));
  fresh.config = std::move(ruleset.config);
  fresh.texts = std::move(ruleset.texts);
  if (!ruleset.table || has_errors(fresh.diagnostics)) return;
  if (fresh.config->main.watch_files) fresh.trails = trails_of(ruleset.table->lists);
  fresh.succession.emplace(std::move(ruleset.table), *job.in_force.table);
}

void Reloader::read_lists(Job& job) const {
  const auto& [table, texts, config] = job.in_force;
  auto update = update_lists(origins_, config, *texts, *table, built_in_, job.lists);
  job.list_reload.news = std::move(update.news);
  job.once_more = std::move(update.restless);
  job.trails = trails_of(table->lists);
  if (update.table) job.list_reload.succession.emplace(std::move(update.table), *table);
}

void Reloader::on_read() {
  std::shared_ptr<Job> job;
  {
    const std::lock_guard lock{mutex_};
    job = std::move(done_);
  }
  if (!job) return;
  running_ = false;
  watcher_.catch_up();
  const auto touched = watcher_.take_touched();
  if (job->is_reload) finish_reload(*job, touched);
  else finish_lists(*job, touched);
  helper_.post([job = std::move(job)]() mutable { job.reset(); });
  next();
}

void Reloader::finish_reload(Job& job, const std::set<std::string>& touched) {
  auto held = job.lists;
  held.insert(touched.begin(), touched.end());
  if (held.size() > job.lists.size()) run(true, std::move(held));
  else calls_.reloaded(std::move(job.reload));
}

void Reloader::finish_lists(Job& job, const std::set<std::string>& touched) {
  if (!common(job.lists, touched).empty()) {
    for (const auto& list : job.lists) {
      if (!watcher_.being_written().contains(list)) watcher_.expect_change(list);
    }
    return;
  }
  for (const auto& list : job.once_more) watcher_.expect_change(list);
  calls_.lists_reloaded(std::move(job.list_reload));
  if (calls_.in_force().config.main.watch_files) watch(job.trails);
}

}  // namespace policymux
