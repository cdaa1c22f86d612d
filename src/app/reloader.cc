#include "app/reloader.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "app/memory.h"

namespace policymux {
namespace {

constexpr std::chrono::seconds sweep_interval{1};

WatchPlan plan_for(const std::vector<ValueFilePtr>& lists) {
  WatchPlan plan;
  for (const auto& list : lists) plan.add(list->path());
  return plan;
}

std::set<std::string> without(const std::set<std::string>& all, const std::set<std::string>& some) {
  std::set<std::string> rest;
  std::ranges::set_difference(all, some, std::inserter(rest, rest.end()));
  return rest;
}

}  // namespace

Reloader::Reloader(Loop& loop, Logger& logger, Origins origins, Calls calls)
    : origins_{std::move(origins)},
      calls_{std::move(calls)},
      watcher_{loop, logger, [this](std::set<std::string> lists) { on_lists_changed(std::move(lists)); }},
      sweep_{loop.raw(), this},
      wake_{loop.raw(), this} {}

void Reloader::start() {
  reload_wanted_ = true;
  next();
}

void Reloader::on_lists_changed(std::set<std::string> lists) {
  changed_.merge(lists);
  next();
}

void Reloader::watch(WatchPlan plan) {
  const bool unnoticed_changes = watcher_.watch(std::move(plan));
  std::erase_if(changed_, [this](const std::string& list) { return !watcher_.lists().contains(list); });
  if (!unnoticed_changes) return;
  for (const auto& list : watcher_.lists()) watcher_.expect_change(list);
}

void Reloader::watch_first() { watch(plan_for(calls_.in_force().table->lists)); }

void Reloader::free(std::shared_ptr<LiveTable> old) {
  old_.push_back(std::move(old));
  free_unused();
}

// Only the loop's thread has more of these pointers to make: one that is the last stays the last.
void Reloader::free_unused() {
  const auto unused = std::ranges::partition(old_, [](const auto& old) { return old.use_count() > 1; });
  for (auto& old : unused) helper_.post([old = std::move(old)]() mutable { old.reset(); });
  if (!unused.empty()) helper_.post(give_memory_back);
  old_.erase(unused.begin(), unused.end());
  if (!old_.empty()) sweep_.arm(sweep_interval);
}

void Reloader::next() {
  if (running_) return;
  watcher_.catch_up();
  if (std::exchange(reload_wanted_, false)) run({.is_reload = true, .held = watcher_.being_written_lately()});
  else if (!changed_.empty()) run_lists(std::exchange(changed_, {}));
}

void Reloader::run_lists(const std::set<std::string>& lists) {
  const auto& unfinished = watcher_.being_written();
  run({.changed = {.whole = without(lists, unfinished), .unfinished = unfinished}});
}

void Reloader::run(Job job) {
  running_ = true;
  watcher_.take_touched();
  job.in_force = calls_.in_force();
  helper_.post([this, job = std::make_shared<Job>(std::move(job))] {
    read(*job);
    job->in_force = {};
    {
      const std::lock_guard lock{mutex_};
      done_ = job;
    }
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
                              {.keep_list_texts = false, .lists = job.in_force.table->lists, .held = job.held});
  std::ranges::move(ruleset.diagnostics, std::back_inserter(fresh.diagnostics));
  fresh.config = std::move(ruleset.config);
  fresh.frozen = std::move(ruleset.frozen);
  for (const auto& path : job.held) {
    fresh.diagnostics.push_back(
        {Severity::warning,
         {.file = path, .text = "somebody has written to this list and not closed it: the old one stays"}});
  }
  if (!ruleset.table || has_errors(fresh.diagnostics)) return;
  if (fresh.config->main.watch_files) job.plan = plan_for(ruleset.table->lists);
  fresh.addresses = resolve_services(fresh.config->services, fresh.config->main.listen, fresh.diagnostics);
  fresh.succession.emplace(std::move(ruleset.table), *job.in_force.table);
}

void Reloader::read_lists(Job& job) const {
  const auto& [table, frozen] = job.in_force;
  auto update = update_lists(*frozen, *table, job.changed);
  job.list_reload.news = std::move(update.news);
  job.restless = std::move(update.restless);
  job.plan = plan_for(table->lists);
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
  auto held = job.held;
  held.insert(touched.begin(), touched.end());
  if (held.size() > job.held.size()) return run({.is_reload = true, .held = std::move(held)});
  const bool takes_effect = job.reload.succession.has_value();
  calls_.reloaded(job.reload);
  if (takes_effect) watch(std::move(job.plan));
}

// What happens to a list is told again by the watcher, so that those that were touched need not be remembered here.
void Reloader::finish_lists(Job& job, const std::set<std::string>& touched) {
  const auto untouched = without(job.changed.whole, touched);
  if (untouched.size() < job.changed.whole.size()) {
    changed_.insert(untouched.begin(), untouched.end());
    return;
  }
  calls_.lists_reloaded(job.list_reload);
  for (const auto& list : job.restless) watcher_.expect_change(list);
  watch(std::move(job.plan));
}

}  // namespace policymux
